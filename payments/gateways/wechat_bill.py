"""WeChat Pay's trade bill: CSV, fields behind a backtick, a summary of two lines at the end."""

import csv
import hashlib
import hmac
import io
from collections.abc import Iterator

from payments.gateways.base import BillLine
from payments.money import from_yuan

NUMBER, STATE, TOTAL = "商户订单号", "交易状态", "订单金额"
REFUND_NUMBER, REFUND_SUM = "商户退款单号", "申请退款金额"


def read(text: bytes, *, sha1: str) -> list[BillLine]:
    """The lines of a bill. Raises ValueError when it is damaged or not a bill."""
    found = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(found, sha1.lower()):
        raise ValueError("the bill's hash differs")
    return list(_lines(text.decode("utf-8-sig")))


def _lines(text: str) -> Iterator[BillLine]:
    rows = csv.reader(io.StringIO(text))
    head = next(rows, [])
    for row in rows:
        if not row or not row[0].startswith("`"):
            return  # the summary begins with a line of headings
        fields = dict(zip(head, (field.removeprefix("`") for field in row), strict=True))
        yield _line(fields)


def _line(fields: dict[str, str]) -> BillLine:
    try:
        if fields[STATE] == "REFUND":
            return BillLine("refund", fields[REFUND_NUMBER], -from_yuan(fields[REFUND_SUM]))
        return BillLine("payment", fields[NUMBER], from_yuan(fields[TOTAL]))
    except KeyError as error:
        raise ValueError(f"the bill has no column {error}") from None
