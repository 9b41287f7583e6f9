"""FHIRPath text into tokens."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kernel.errors import Invalid

LONGEST = 4096
TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      |@(?P<time>T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)
      |@(?P<date>\d{4}(?:-\d\d(?:-\d\d)?)?
          (?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)?)
      |(?P<number>\d+(?:\.\d+)?)
      |'(?P<string>(?:[^'\\]|\\.)*)'
      |(?P<name>[A-Za-z_]\w*)
      |`(?P<quoted>(?:[^`\\]|\\.)*)`
      |\$(?P<scope>this|index|total)
      |%(?P<outer>[A-Za-z_][\w-]*|`[^`]*`|'[^']*')
      |(?P<sign><=|>=|!=|!~|[-+*/&|=~<>.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is a group of ``TOKEN``, or ``end``; ``at`` is where it begins."""

    kind: str
    value: Any
    at: int


def tokens(text: str) -> list[Token]:
    """Every token and an ``end``. Raises Invalid naming the place of what is none."""
    if len(text) > LONGEST:
        raise Invalid("", f"a FHIRPath expression may have {LONGEST} characters")
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Invalid("", f"FHIRPath: cannot read what stands at {at}")
        if match.lastgroup != "space":
            found.append(_token(match.lastgroup, match[match.lastgroup], at))
        at = match.end()
    return [*found, Token("end", "", at)]


def _token(kind: str, value: str, at: int) -> Token:
    if kind == "number":
        return Token(kind, Decimal(value) if "." in value else int(value), at)
    if kind == "string":
        return Token(kind, _unescaped(value), at)
    if kind == "quoted":
        return Token("quoted", _unescaped(value), at)
    if kind == "outer":
        return Token(kind, value.strip("`'"), at)
    return Token(kind, value, at)


def _unescaped(text: str) -> str:
    return ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else ESCAPED.get(code, code)
