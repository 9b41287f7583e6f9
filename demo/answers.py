"""What the rehearsal patient says in the chat: a few sentences, chosen by words of the question."""

GREETING = "您好，医生，我听得见，也看得见您。（我是演练患者，不是真人）"
ANSWERS = (
    (("血压", "pressure"), "早上量的是 152/92，昨天晚上 146/88。"),
    (("药", "medic", "drug"), "氨氯地平每天早上一粒，昨天忘了一次。"),
    (("过敏", "allerg"), "青霉素过敏，起过皮疹。"),
    (("晕", "头", "dizzy", "head"), "这两天早上起来头有点晕，坐一会儿就好。"),
    (("胸", "气", "chest", "breath"), "没有胸痛，也不气急。"),
    (("再见", "bye", "谢谢", "thank"), "谢谢医生，再见。"),
)
OTHERWISE = "好的，我记下了。"


def answer(question: str) -> str:
    """The reply to one line of chat."""
    asked = question.casefold()
    for words, reply in ANSWERS:
        if any(word in asked for word in words):
            return reply
    return OTHERWISE
