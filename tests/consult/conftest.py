"""The cast, in the database of the test."""

import pytest

from tests.consult import cast as people


@pytest.fixture
def cast(db) -> people.Cast:
    """Everybody."""
    return people.gather()
