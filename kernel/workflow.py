"""Which transition is allowed, from where, by whom. Pure data, no Django."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kernel.errors import Forbidden, Refused

Tone = Literal["crit", "warn", "ok", "info", "hold", "idle"]
Row = tuple[str, str, str, str, str]


def _(text: str) -> str:
    """Mark a label for translation; whoever shows it translates it."""
    return text


mark = _


@dataclass(frozen=True, slots=True)
class State:
    """A state's word for people and the tone in which screens show it."""

    name: str
    label: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed change: from any of ``sources`` to ``to``, by any of the roles ``by``."""

    name: str
    sources: tuple[str, ...]
    to: str
    by: tuple[str, ...]
    label: str

    def open_to(self, roles: Iterable[str]) -> bool:
        """True when one of ``roles`` may do this."""
        return not set(self.by).isdisjoint(roles)


class Workflow:
    """A table of states and transitions.

    ``states`` maps a name to (label, tone). A row of ``transitions`` is
    ``(name, sources, to, by, label)``; sources and roles are words separated by spaces.
    Raises ValueError for a table that contradicts itself.
    """

    def __init__(
        self,
        name: str,
        *,
        start: str,
        states: Mapping[str, tuple[str, Tone]],
        transitions: Sequence[Row],
    ) -> None:
        self.name = name
        self.start = start
        self.states = {key: State(key, label, tone) for key, (label, tone) in states.items()}
        self.transitions = {row[0]: _transition(row) for row in transitions}
        self._check(len(transitions))

    def _check(self, rows: int) -> None:
        if len(self.transitions) != rows:
            raise ValueError(f"{self.name}: two transitions share a name")
        used = {self.start}
        for transition in self.transitions.values():
            used.update(transition.sources, (transition.to,))
        if used != set(self.states):
            odd = ", ".join(sorted(used ^ set(self.states)))
            raise ValueError(f"{self.name}: states declared and states used differ: {odd}")

    def allowed(self, state: str, roles: Iterable[str]) -> list[Transition]:
        """The transitions open to ``roles`` from ``state``, in the order of the table."""
        held = frozenset(roles)
        return [t for t in self.transitions.values() if state in t.sources and t.open_to(held)]

    def check(self, name: str, state: str, roles: Iterable[str]) -> Transition:
        """The transition ``name`` if ``roles`` may do it from ``state``.

        Raises Forbidden for the wrong role, Refused for the wrong state, KeyError for a name
        that is not in the table (a mistake of the programmer, not of the user).
        """
        transition = self.transitions[name]
        if not transition.open_to(roles):
            raise Forbidden(f"{self.name}: {name} is done by {' or '.join(transition.by)}")
        if state not in transition.sources:
            raise Refused(f"{self.name}: {name} is not possible from {state}")
        return transition

    def is_final(self, state: str) -> bool:
        """True when nothing leads on from ``state``."""
        return not any(state in t.sources for t in self.transitions.values())


def _transition(row: Row) -> Transition:
    name, sources, to, by, label = row
    return Transition(name, tuple(sources.split()), to, tuple(by.split()), label)
