"""Finds who is worth comparing: a few searches, each by an index, each of a bounded size.

By every number; by the whole name with the year of birth; by the beginning of the name with the day
of birth; by phone. A name alone is no question: in a city it is hundreds of people.
"""

import re
from typing import Any

from kernel.errors import Invalid
from kernel.principal import Principal
from records.matching.comparing import MOBILE, items, phones
from records.search import search
from records.stored import Stored

Json = dict[str, Any]
Question = list[tuple[str, str]]
EACH = 50
MOST_QUESTIONS = 12
MOST_VALUES = 20
FULL_DATE = re.compile(r"\d{4}-\d\d-\d\d")
HAN = re.compile("[\u3400-\u9fff]")


def check(asked: Json) -> None:
    """Refuse a question that would fit anybody. Raises Invalid."""
    named = any(name.get("text") or name.get("family") for name in items(asked, "name"))
    if not (_numbered(asked) or (named and (phones(asked) or _birthday(asked)))):
        raise Invalid(
            "resource",
            "too little to go by: an identifier (system and value), or a name with the day of "
            "birth or a phone",
        )


def find(asked: Json, *, by: Principal) -> list[Stored]:
    """Visible patients who have something in common with ``asked``, each once."""
    found: dict[str, Stored] = {}
    for question in questions(asked):
        page = search("Patient", [*question, ("_count", str(EACH))], by=by)
        found |= {stored.id: stored for stored in page.matches}
    return list(found.values())


def questions(asked: Json) -> list[Question]:
    """The searches to make."""
    ways = [way for phone in sorted(phones(asked)) for way in _ways(phone)]
    either = (("identifier", _numbered(asked)), ("phone", ways))
    found = [[(name, ",".join(values[:MOST_VALUES]))] for name, values in either if values]
    if born := _birthday(asked):
        for name in items(asked, "name"):
            found += _named(name, born)
    return found[:MOST_QUESTIONS]


def _numbered(asked: Json) -> list[str]:
    """Every number with the system that gave it, as a search says it."""
    return [
        f"{_plain(item['system'])}|{_plain(item['value'])}"
        for item in items(asked, "identifier")
        if item.get("system") and item.get("value")
    ]


def _birthday(asked: Json) -> str:
    born = asked.get("birthDate")
    return born if isinstance(born, str) and FULL_DATE.fullmatch(born) else ""


def _named(name: Json, born: str) -> list[Question]:
    text, family = str(name.get("text", "")).strip(), str(name.get("family", "")).strip()
    found: list[Question] = []
    if text:
        found.append([("name", _plain(text)), ("birthdate", born[:4])])
    if family:
        found.append([("family", _plain(family)), ("birthdate", born)])
    elif text:
        # A Chinese family name stands first and has one character, seldom two.
        begin = text[0] if HAN.match(text) else text.split()[-1]
        found.append([("name", _plain(begin)), ("birthdate", born)])
    return found


def _ways(phone: str) -> list[str]:
    """How a number may have been written down."""
    if len(phone) != MOBILE:
        return [phone]
    parts = (phone[:3], phone[3:7], phone[7:])
    return [phone, f"+86{phone}", f"+86 {phone}", " ".join(parts), "-".join(parts)]


def _plain(value: object) -> str:
    """A value in which a comma does not mean or."""
    return str(value).replace("\\", "\\\\").replace(",", "\\,")
