"""The one way in which a state changes, and the row that remembers it."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction

from kernel.clock import now
from kernel.errors import Missing
from kernel.ids import new_id
from kernel.principal import Principal
from kernel.wake import nudge
from kernel.workflow import State, Transition, Workflow


class Stateful(models.Model):
    """A thing of the work: a public id and a state that only ``apply`` changes.

    A concrete model sets ``workflow``, adds ``state_constraint(WORKFLOW)`` to its Meta and has a
    ``TransitionRow`` subclass with ``thing = ForeignKey(..., related_name="transitions")``.
    """

    workflow: ClassVar[Workflow]
    transitions: ClassVar[Any]

    public_id = models.CharField(max_length=36, unique=True, default=new_id, editable=False)
    state = models.CharField(max_length=40, editable=False)

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.state:
            self.state = self.workflow.start

    def __str__(self) -> str:
        return f"{self.workflow.name} {self.public_id} ({self.state})"

    @property
    def state_shown(self) -> State:
        """The state with its label and tone."""
        return self.workflow.states[self.state]

    def open_to(self, principal: Principal) -> list[Transition]:
        """What ``principal`` may do now, as far as the table knows."""
        return self.workflow.allowed(self.state, principal.roles)


class TransitionRow(models.Model):
    """One transition that happened: history on the screen, audit, and outbox in one row."""

    name = models.CharField(max_length=40)
    from_state = models.CharField(max_length=40)
    to_state = models.CharField(max_length=40)
    by_reference = models.CharField(max_length=120)
    by_institution = models.CharField(max_length=36, blank=True)
    at = models.DateTimeField(default=now)
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=now)
    last_error = models.CharField(max_length=200, blank=True)

    thing: Any

    class Meta:
        abstract = True
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=("due_at",),
                condition=models.Q(delivered_at=None),
                name="%(app_label)s_%(class)s_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}: {self.from_state} -> {self.to_state}"


def state_constraint(workflow: Workflow) -> models.CheckConstraint:
    """The database's own refusal of a state that the table does not know."""
    return models.CheckConstraint(
        condition=models.Q(state__in=sorted(workflow.states)), name=f"{workflow.name}_state"
    )


S = TypeVar("S", bound=Stateful)


def apply(
    thing: S,
    name: str,
    *,
    by: Principal,
    changes: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> S:
    """Do the transition ``name`` and return the thing as it now is.

    Locks the row, looks the transition up in the table, sets the state and the columns in
    ``changes``, and writes one transition row with ``facts`` (JSON, no patient data), all in one
    database transaction. Handlers of higher floors hear of it after commit.

    Raises Missing, Forbidden, Refused; then nothing has changed.
    """
    with transaction.atomic():
        fresh = lock(thing)
        transition = fresh.workflow.check(name, fresh.state, by.roles)
        before, fresh.state = fresh.state, transition.to
        for column, value in (changes or {}).items():
            setattr(fresh, column, value)
        fresh.save(update_fields=["state", *(changes or {})])
        fresh.transitions.create(
            name=name,
            from_state=before,
            to_state=transition.to,
            by_reference=by.reference,
            by_institution=by.institution,
            facts=dict(facts or {}),
        )
        transaction.on_commit(nudge)
    return fresh


def lock(thing: S) -> S:
    """The thing as it is now, its row locked until the surrounding transaction ends.

    Raises Missing when the row is gone.
    """
    manager = type(thing)._base_manager
    found = manager.select_for_update().filter(pk=thing.pk).first()
    if found is None:
        raise Missing(f"{thing.workflow.name} is gone")
    return found
