"""Regular expressions that outsiders may send: only those whose cost is bounded beforehand.

Python's matcher backtracks. With k repetitions a text of n characters costs at most n to the power
of k (one more when the pattern may begin anywhere), each optional part doubles it; a repetition
within a repetition, alternatives within one and references back have no such bound and are refused.
"""

import re
from functools import lru_cache

from kernel.errors import Invalid

LONGEST = 500
MOST_STEPS = 20_000_000
PIECE = re.compile(
    r"\\(?P<escape>.)|(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<open>\((?P<special>\?(?:[:=!]|<[=!]|P?<\w+>)?)?)|(?P<close>\))|(?P<either>\|)"
    r"|(?P<repeat>[*+]|\{\d*,\d*\})(?P<lazy>[?+]?)|(?P<perhaps>\?)|(?P<fixed>\{\d+\})|.",
    re.DOTALL,
)


def matcher(pattern: str, *, trusted: bool = False) -> "Matcher":
    """Ready to match. Raises Invalid for what is no regular expression or has no bound.

    ``trusted`` patterns (of the standard itself) are taken as they are.
    """
    return _matcher(pattern, trusted)


@lru_cache(1000)
def _matcher(pattern: str, trusted: bool) -> "Matcher":
    if not trusted and len(pattern) > LONGEST:
        raise Invalid("", "FHIRPath: the regular expression is too long")
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except (re.error, OverflowError, RecursionError):
        raise Invalid("", "FHIRPath: not a regular expression") from None
    return Matcher(compiled, _cost(pattern) if not trusted else (0, 1))


class Matcher:
    """A compiled pattern that knows what it costs."""

    def __init__(self, compiled: re.Pattern[str], cost: tuple[int, int]) -> None:
        self._compiled = compiled
        self._power, self._factor = cost

    def _check(self, text: str) -> None:
        if self._factor * max(1, len(text)) ** self._power > MOST_STEPS:
            raise Invalid("", "FHIRPath: the text is too long for this regular expression")

    def search(self, text: str) -> bool:
        """True when it is found anywhere in ``text``."""
        self._check(text)
        return self._compiled.search(text) is not None

    def replace(self, text: str, by: str) -> str:
        """``text`` with every match replaced by ``by`` (``$1`` is the first group)."""
        self._check(text)
        template = re.sub(r"\$(\d)", r"\\g<\1>", by.replace("\\", "\\\\"))
        try:
            return self._compiled.sub(template, text)
        except (re.error, IndexError):
            raise Invalid("", "FHIRPath: the replacement names no group") from None


def _cost(pattern: str) -> tuple[int, int]:
    """(power of the text's length, factor). Raises Invalid where there is no bound."""
    power, factor = 0 if pattern.startswith("^") and "|" not in pattern else 1, 1
    repeated: list[bool] = [False]
    last_repeats = False
    for piece in PIECE.finditer(pattern):
        if piece["special"] not in (None, "?:") or (piece["escape"] or "").isdigit():
            raise Invalid("", "FHIRPath: this kind of group is not supported")
        if piece["open"]:
            repeated.append(False)
        elif piece["close"]:
            last_repeats = repeated.pop() if len(repeated) > 1 else False
            repeated[-1] |= last_repeats
            continue
        elif piece["either"]:
            repeated[-1], factor = True, factor + 1
        elif piece["repeat"] or piece["fixed"] or piece["perhaps"]:
            if last_repeats and not piece["perhaps"]:
                raise Invalid("", "FHIRPath: a repetition within a repetition has no bound")
            repeated[-1] = True
            power, factor = (
                (power, factor * 2) if piece["perhaps"] else (power + bool(piece["repeat"]), factor)
            )
        last_repeats = False
    return power, factor
