"""The duty desk's page: a list and its buttons."""

from html import escape
from typing import Any

from tests.fakes.partner.hospital import MOVES, STATE_WORDS, Hospital

Body = dict[str, Any]

PRIORITIES = {"stat": "立即", "asap": "加急", "urgent": "尽快", "routine": "普通"}
DECLINE = {
    "no-capacity": "没有床位或号源",
    "not-appropriate": "不适合本专科",
    "information-needed": "资料不全",
    "wrong-institution": "机构选错",
}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f6f5f2;color:#1d2126}
header{background:#1d2b38;color:#fff;padding:12px 20px}h1{font-size:18px;margin:0}
header p{margin:2px 0 0;font-size:13px;color:#cdd6de}
main{max-width:900px;margin:20px auto;padding:0 16px}
article{background:#fff;border:1px solid #d9d5cc;border-radius:6px;padding:14px 16px;
margin:0 0 14px}
h2{font-size:16px;margin:0 0 4px}.sub{color:#5b6470;font-size:14px;margin:0 0 8px}
form{display:inline}button,select{font:inherit;padding:6px 12px;margin:6px 6px 0 0}
h3{font-size:14px;margin:10px 0 0}details p{margin:2px 0}.bad{color:#a3201b}
details{margin:8px 0}summary{cursor:pointer}
"""


def page(hospital: Hospital) -> str:
    """The whole page."""
    tasks = [*reversed(hospital.chart.of_kind("Task"))]
    shown = "".join(_referral(hospital, task) for task in tasks)
    empty = "<p>还没有收到转诊。社区医生发出后会出现在这里。</p>"
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8"><title>演示医院</title>'
        '<meta http-equiv="refresh" content="20">'
        f"<style>{STYLE}</style><header><h1>演示医院 · 转诊值班台</h1>"
        "<p>这是演示用的合作医院，有自己的 FHIR 服务；在这里替它回答。</p></header>"
        f"<main>{shown or empty}</main></html>"
    )


def _referral(hospital: Hospital, task: Body) -> str:
    key = task["id"]
    read = hospital.chart.read
    order, patient = read(task["focus"]["reference"]), read(task["for"]["reference"])
    word = STATE_WORDS[hospital.desk.get(key, "")]
    problem = hospital.problems.get(key, "")
    head = f"{_name(patient)} · {PRIORITIES.get(order.get('priority', ''), '')} · {word}"
    number = hospital.number(key)["value"]
    return (
        f"<article><h2>{escape(head)}</h2>"
        f'<p class="sub">本院编号 {escape(number)} · {escape(order["reasonCode"][0]["text"])}</p>'
        f"<details><summary>转诊单</summary>{_note(hospital, task)}</details>"
        + "".join(f"<p>对方补充：{escape(n['text'])}</p>" for n in _answers(task))
        + (f'<p class="bad">没有送达：{escape(problem)}</p>' if problem else "")
        + "".join(_button(key, move) for move in hospital.moves(key))
        + "</article>"
    )


def _answers(task: Body) -> list[Body]:
    return [note for note in task.get("note", []) if "authorReference" in note]


def _button(key: str, move: str) -> str:
    reasons = "".join(f'<option value="{code}">{word}</option>' for code, word in DECLINE.items())
    return (
        '<form method="post" action="/desk">'
        f'<input type="hidden" name="task" value="{escape(key)}">'
        + (
            f'<select name="reason" aria-label="原因">{reasons}</select>'
            if move == "decline"
            else ""
        )
        + f'<button name="move" value="{move}">{MOVES[move].label}</button></form>'
    )


def _note(hospital: Hospital, task: Body) -> str:
    document = hospital.chart.read(task["input"][0]["valueReference"]["reference"])
    sections = document["entry"][0]["resource"]["section"]
    # The narrative is FHIR's safe subset of XHTML, made by the service from escaped text.
    return "".join(f"<h3>{escape(s['title'])}</h3>{s['text']['div']}" for s in sections)


def _name(patient: Body) -> str:
    for name in patient.get("name", []):
        return str(name.get("text") or name.get("family", "") + "".join(name.get("given", [])))
    return "（未具名）"
