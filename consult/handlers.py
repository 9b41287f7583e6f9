"""What follows here from what happened on lower floors: payments, referrals, presence in rooms."""

from consult import fhir, live, services
from consult.models import Visit
from kernel import outbox
from kernel.principal import SYSTEM
from kernel.transitions import TransitionRow
from records import store
from signaling import services as rooms

rooms.on_presence(services.presence)


@outbox.on("order", "settle")
def show_paid(row: TransitionRow) -> None:
    """The fee is there: an Invoice and its PaymentNotice join the record, the pages hear of it."""
    visit = _visit_of(row.thing.purpose)
    if visit is None:
        return
    order, facts = row.thing, services.facts_of(visit)
    # The order's own id names both, so that hearing it twice writes them once.
    invoice = fhir.invoice(
        facts, order=order.public_id, title=order.description, fee=order.fee, at=row.at
    )
    notice = fhir.payment_notice(
        invoice_id=order.public_id,
        order=order.public_id,
        fee=order.fee,
        institution=visit.institution,
        at=row.at,
    )
    for body in (invoice, notice):
        kind = str(body["resourceType"])
        store.update(kind, order.public_id, body, by=SYSTEM, institution=visit.institution)
    live.changed(visit)


@outbox.on("order", "refund_done", "refund_fail", "ask_refund", "close", "start")
def show_money(row: TransitionRow) -> None:
    """The pages show how the visit's money stands."""
    visit = _visit_of(row.thing.purpose)
    if visit is not None:
        live.changed(visit)


@outbox.on("referral")
def show_referral(row: TransitionRow) -> None:
    """Boards of the sender, and the page of the visit, show where the referral stands."""
    referral = row.thing
    live.referral_moved(
        referral.public_id,
        visit_id=referral.visit,
        institutions=(referral.from_institution, referral.to_institution),
    )


def _visit_of(purpose: str) -> Visit | None:
    kind, _colon, visit_id = purpose.partition(":")
    return Visit.objects.filter(public_id=visit_id).first() if kind == "visit" else None
