"""Two Patient resources compared, feature by feature. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal

Json = dict[str, Any]
Answer = Literal["agrees", "near", "differs", "unknown"]
Evidence = dict[str, Answer]
# The number of the resident's identity card (GB 11643) goes by these names.
NUMBER_SYSTEMS = frozenset(
    {"urn:oid:2.16.156.10011.1.3", "http://NamingSystem.hl7fhir.cn/identityDocument"}
)
DIGITS = re.compile(r"\D+")
MOBILE = 11


def compare(asked: Json, held: Json) -> Evidence:
    """What speaks for and against ``held`` being the person of ``asked``.

    ``number`` is the resident's number, ``identifier`` any other number that both got from the same
    place, ``phone`` any way of contact by number. What one of them lacks is ``unknown``.
    """
    return {
        "number": _numbers(asked, held),
        "identifier": _identifiers(asked, held),
        "name": _names(asked, held),
        "birthDate": _dates(asked.get("birthDate"), held.get("birthDate")),
        "gender": _genders(asked.get("gender"), held.get("gender")),
        "phone": _phones(asked, held),
    }


def items(body: Json, key: str) -> Iterator[Json]:
    """The entries of a list of elements that have a value or are names."""
    for item in body.get(key, ()):
        if isinstance(item, dict) and item.get("use") != "old":
            yield item


def numbers(body: Json) -> set[str]:
    """Resident's numbers."""
    return {
        str(item["value"]).strip().upper()
        for item in items(body, "identifier")
        if item.get("system") in NUMBER_SYSTEMS and item.get("value")
    }


def _numbers(asked: Json, held: Json) -> Answer:
    mine, theirs = numbers(asked), numbers(held)
    if not mine or not theirs:
        return "unknown"
    return "agrees" if mine & theirs else "differs"


def identifiers(body: Json) -> set[tuple[str, str]]:
    """System and value of the other numbers."""
    return {
        (str(item["system"]), str(item["value"]))
        for item in items(body, "identifier")
        if item.get("system") and item.get("value") and item["system"] not in NUMBER_SYSTEMS
    }


def _identifiers(asked: Json, held: Json) -> Answer:
    mine, theirs = identifiers(asked), identifiers(held)
    if mine & theirs:
        return "agrees"
    shared = {system for system, _ in mine} & {system for system, _ in theirs}
    return "differs" if shared else "unknown"


def plain(text: str) -> str:
    """Text without case, accents, spaces and dots between names."""
    bare = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in bare if c.isalnum() and not unicodedata.combining(c))


def names(body: Json) -> set[str]:
    """Whole names, each in both orders: 张伟, zhangwei, weizhang."""
    found: set[str] = set()
    for name in items(body, "name"):
        family, given = _parts(name)
        words = str(name.get("text", "")).split()
        both = {plain("".join(words)), plain("".join(words[-1:] + words[:-1]))}
        if family and given:
            both |= {family + given, given + family}
        found |= both
    return found - {""}


def _parts(name: Json) -> tuple[str, str]:
    given = "".join(plain(str(part)) for part in name.get("given", ()) if part)
    return plain(str(name.get("family", ""))), given


def _names(asked: Json, held: Json) -> Answer:
    mine, theirs = names(asked), names(held)
    if not mine or not theirs:
        return "unknown"
    if mine & theirs:
        return "agrees"
    near = any(_is_near(one, other) for one in mine for other in theirs)
    return "near" if near or _families(asked) & _families(held) else "differs"


def _families(body: Json) -> set[str]:
    """Family names together with the first letter of a given one."""
    parts = map(_parts, items(body, "name"))
    return {f"{family} {given[0]}" for family, given in parts if family and given}


def _is_near(one: str, other: str) -> bool:
    """One character of a name of at least two is another, is missing or is too much."""
    short, long = sorted((one, other), key=len)
    if len(short) < 2 or len(long) - len(short) > 1:
        return False
    if len(short) == len(long):
        # In two characters one is half of the name: with the family name only it is a stranger's.
        return len(short) > 2 and sum(a != b for a, b in zip(one, other, strict=True)) == 1
    return any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _dates(mine: Any, theirs: Any) -> Answer:
    if not isinstance(mine, str) or not isinstance(theirs, str):
        return "unknown"
    one, other = mine.split("-"), theirs.split("-")
    if one == other:
        return "agrees" if len(one) == 3 else "near"
    shared = list(zip(one, other, strict=False))
    wrong = sum(a != b for a, b in shared)
    swapped = len(shared) == 3 and one[0] == other[0] and one[1:] == other[:0:-1]
    # A year alone fits many; one part wrong, or day and month exchanged, is a slip of the pen.
    return "near" if swapped or wrong == 0 or (wrong == 1 and len(shared) == 3) else "differs"


def _genders(mine: Any, theirs: Any) -> Answer:
    if mine not in ("male", "female") or theirs not in ("male", "female"):
        return "unknown"
    return "agrees" if mine == theirs else "differs"


def phones(body: Json) -> set[str]:
    """Numbers of phones as digits, without the country."""
    found = set()
    for item in items(body, "telecom"):
        if item.get("system") in ("phone", "sms") and item.get("value"):
            digits = DIGITS.sub("", str(item["value"]))
            found.add(digits[-MOBILE:] if digits[:-MOBILE] in ("86", "086", "0086") else digits)
    return found - {""}


def _phones(asked: Json, held: Json) -> Answer:
    mine, theirs = phones(asked), phones(held)
    if not mine or not theirs:
        return "unknown"
    return "agrees" if mine & theirs else "differs"
