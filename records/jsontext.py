"""JSON in and out: strict where JSON is loose, and exact with decimals (72.50 stays 72.50)."""

import json
from decimal import Decimal
from typing import Any

import orjson

from kernel.errors import Invalid
from records.errors import Malformed

LARGEST_EXPONENT = 300
LONGEST_NUMBER = 2 * LARGEST_EXPONENT
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same key twice in one object")
    return found


def _constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON value")


def _decimal(text: str) -> Decimal:
    number = Decimal(text) if len(text) <= LONGEST_NUMBER else None
    # An index holds doubles; and 1E+1000000000 written out would fill the memory.
    if number is None or not -LARGEST_EXPONENT <= number.adjusted() <= LARGEST_EXPONENT:
        raise ValueError(f"a number has at most {LARGEST_EXPONENT} digits")
    return number


def _integer(text: str) -> int:
    if len(text) > LARGEST_EXPONENT:
        raise ValueError(f"a number has at most {LARGEST_EXPONENT} digits")
    return int(text)


_decoder = json.JSONDecoder(
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=_constant,
    object_pairs_hook=_object,
)


def loads(text: str | bytes) -> Any:
    """Parse. Decimals become ``Decimal``.

    Raises Malformed for text that is not UTF-8 JSON (RFC 8259), repeats a key, says NaN or is
    nested beyond reason.
    """
    if isinstance(text, bytes) and text.startswith(BYTE_ORDER_MARKS):
        raise Malformed("", "the body begins with a byte order mark; it must be bare UTF-8")
    try:
        return _decoder.decode(text.decode() if isinstance(text, bytes) else text)
    except UnicodeDecodeError:
        raise Malformed("", "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Malformed("", f"not JSON: {error.msg} at {error.lineno}:{error.colno}") from None
    except RecursionError:
        raise Malformed("", "nested too deeply") from None
    except ValueError as error:
        raise Malformed("", f"not JSON: {error}") from None


def load_object(text: str | bytes) -> dict[str, Any]:
    """Parse a text that must be a JSON object. Raises Malformed."""
    found = loads(text)
    if not isinstance(found, dict):
        raise Malformed("", "the body is not a JSON object")
    return found


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)


def dumps(value: Any, *, pretty: bool = False) -> str:
    """JSON text. Raises Invalid for what JSON cannot say (lone surrogates, dates)."""
    option = orjson.OPT_INDENT_2 if pretty else None
    try:
        return orjson.dumps(value, default=_exact, option=option).decode()
    except (TypeError, ValueError):
        raise Invalid("", "holds a value that JSON cannot say") from None
