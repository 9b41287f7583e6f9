"""The table says what may happen."""

import pytest

from kernel.errors import Forbidden, Refused
from kernel.workflow import Workflow
from tests.kernel.lamps.models import LAMP


def test_what_is_allowed_follows_the_table():
    assert [t.name for t in LAMP.allowed("off", {"keeper"})] == ["light", "drop"]
    assert [t.name for t in LAMP.allowed("on", {"night"})] == ["douse"]
    assert LAMP.allowed("broken", {"keeper"}) == []
    assert LAMP.is_final("broken")


def test_the_wrong_role_is_forbidden_and_the_wrong_state_refused():
    with pytest.raises(Forbidden, match="keeper"):
        LAMP.check("light", "off", {"night"})
    with pytest.raises(Refused, match="not possible from on"):
        LAMP.check("light", "on", {"keeper"})


@pytest.mark.parametrize(
    "transitions",
    [
        [("a", "x", "y", "r", ""), ("a", "y", "x", "r", "")],
        [("a", "x", "z", "r", "")],
    ],
    ids=["a name twice", "an undeclared state"],
)
def test_a_table_that_contradicts_itself_is_refused(transitions):
    with pytest.raises(ValueError, match="w:"):
        Workflow("w", start="x", states={"x": ("", "ok"), "y": ("", "ok")}, transitions=transitions)
