"""The books: balanced, written once, by the code and by the database."""

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from payments import ledger
from payments.models import LedgerAccount, LedgerEntry, LedgerPosting
from tests.payments.cast import CENTRE, FEE, an_order, paid_order

pytestmark = pytest.mark.django_db

needs_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite cannot keep this guard"
)
amounts = st.integers(-(10**12), 10**12)


@pytest.mark.embedded
def test_an_entry_that_does_not_balance_is_refused():
    with pytest.raises(ledger.Unbalanced):
        ledger.post(an_order(), "odd", {"income": -1, "gateway:wechat": 2})
    assert not LedgerEntry.objects.exists()


@given(st.dictionaries(st.sampled_from("abcd"), amounts, min_size=1))
@hypothesis_settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_balanced_lines_are_taken_and_zeros_left_out(lines):
    order = an_order()
    balanced = {**lines, "rest": -sum(lines.values())}
    assert ledger.post(order, f"k:{order.public_id}", balanced)
    found = ledger.balances(order=order)
    assert found == {code: amount for code, amount in balanced.items() if amount}
    assert sum(found.values()) == 0


@pytest.mark.embedded
def test_the_same_key_is_booked_once():
    order = an_order()
    assert ledger.post(order, "k", {"income": -FEE, "gateway:wechat": FEE})
    assert not ledger.post(order, "k", {"income": -FEE, "gateway:wechat": FEE})
    assert ledger.balance("income", order) == FEE


@pytest.mark.embedded
def test_the_code_changes_and_deletes_nothing(sandbox):
    paid_order(sandbox)
    for row in (LedgerEntry.objects.get(), *LedgerPosting.objects.all()):
        with pytest.raises(TypeError):
            row.save()
        with pytest.raises(TypeError):
            row.delete()


@pytest.mark.embedded
def test_the_database_changes_nothing(sandbox):
    paid_order(sandbox)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        LedgerPosting.objects.update(amount=1)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        LedgerEntry.objects.update(key="x")
    assert ledger.balances(institution=CENTRE) == {"gateway:wechat": FEE, "income": -FEE}


@needs_postgresql
def test_the_database_deletes_nothing(sandbox):
    paid_order(sandbox)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        LedgerPosting.objects.all()._raw_delete("default")
    assert LedgerPosting.objects.count() == 2


@needs_postgresql
def test_the_database_refuses_an_entry_that_does_not_balance():
    order = an_order()
    with pytest.raises(DatabaseError, match="differ"), transaction.atomic():
        entry = LedgerEntry.objects.create(key="crooked", order=order)
        account = LedgerAccount.objects.create(institution=CENTRE, code="income")
        LedgerPosting.objects.create(entry=entry, account=account, amount=-5)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert not LedgerEntry.objects.exists()
