"""How higher floors hear of writes that come in through the REST API."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class Change:
    """One write: ``before`` is None for a creation, ``after`` is None for a deletion."""

    kind: str
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    by: Principal


Hook = Callable[[Change], None]
_hooks: dict[str, list[Hook]] = defaultdict(list)


def on_write(kind: str, hook: Hook) -> None:
    """Call ``hook`` inside the transaction of each write of ``kind`` through the REST API.

    The hook may raise an error of the house: the whole write is refused and nothing is kept.
    Writes by services of this house call no hooks.
    """
    if hook not in _hooks[kind]:
        _hooks[kind].append(hook)


def watched(kind: str) -> bool:
    """True when somebody listens to ``kind``."""
    return bool(_hooks.get(kind))


def tell(change: Change) -> None:
    """Run the hooks of a change; what they raise goes to the writer."""
    for hook in _hooks.get(change.kind, ()):
        hook(change)
