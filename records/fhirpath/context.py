"""What an expression knows while it runs, and what it may still spend."""

from dataclasses import dataclass, field
from typing import Any

from kernel.errors import Invalid
from records.fhirpath.node import Node

MOST_STEPS = 400_000
LONGEST_TEXT = 2_000_000

Items = list[Any]


@dataclass(slots=True)
class Context:
    """``root`` is what stands for itself, ``resource`` the nearest resource around the focus,
    ``kept`` what came of parts that say the same wherever they are asked."""

    root: Node
    resource: Node
    focus: Node
    trusted: bool = False
    this: Items = field(default_factory=list)
    index: int = -1
    left: int = MOST_STEPS
    kept: dict[int, Items] = field(default_factory=dict)

    def spend(self, steps: int) -> None:
        """Note some work. Raises Invalid when the expression has had its share."""
        self.left -= steps
        if self.left < 0:
            raise Invalid("", "FHIRPath: the expression costs too much here")

    def text(self, value: str) -> str:
        """A made text, unless it grows beyond reason. Raises Invalid."""
        if len(value) > LONGEST_TEXT:
            raise Invalid("", "FHIRPath: the expression makes too long a text")
        self.spend(1 + len(value) // 1000)
        return value
