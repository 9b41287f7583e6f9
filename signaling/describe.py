"""Writes docs/protocol.md from the messages themselves (``./dev manage documents``)."""

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from signaling import protocol
from signaling.fields import rules

HEAD = """\
# The wire of a room

Made from `signaling/protocol.py` by `./dev manage documents`; do not edit by hand.

A browser opens `/ws/room/<room>/` and sends `join` with its ticket first. Messages are JSON
objects; `type` names them. Unknown fields, unknown types and messages over {limit} bytes are
refused with `error`, and the socket closes with 4400.

The room always offers, on two RTCPeerConnections: `publish` carries what the browser sends,
`subscribe` what it receives. The browser answers each offer with its revision.
"""


def describe() -> str:
    """The whole document as Markdown."""
    blocks = [
        HEAD.format(limit=protocol.MAX_MESSAGE),
        "## From the browser\n",
        *_messages(protocol.CLIENT),
        "## From the room\n",
        *_messages(protocol.SERVER),
        "## Parts\n",
        *_messages(protocol.PARTS),
        "## Close codes\n",
        "| code | meaning |\n|---|---|\n"
        + "".join(f"| {code} | {meaning} |\n" for code, meaning in protocol.CLOSE_CODES.items()),
    ]
    return "\n".join(blocks)


def _messages(kinds: Iterable[type[Any]]) -> Iterator[str]:
    for kind in kinds:
        name = getattr(kind, "type", kind.__name__)
        yield f"### {name}\n\n{inspect.cleandoc(kind.__doc__ or '')}\n"
        rows = [f"| `{name}` | {rule.about} |\n" for name, rule in rules(kind).items()]
        if rows:
            yield "| field | is |\n|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(describe())
