"""What may happen to an order."""

from kernel.workflow import Workflow
from kernel.workflow import mark as _

ORDER = Workflow(
    "order",
    start="created",
    states={
        "created": (_("To be paid"), "idle"),
        "awaiting_payment": (_("Payment under way"), "hold"),
        "paid": (_("Paid"), "ok"),
        "closed": (_("Closed unpaid"), "idle"),
        "refund_due": (_("Refund due"), "warn"),
        "refunding": (_("Refund under way"), "hold"),
        "refunded": (_("Refunded"), "info"),
        "refund_failed": (_("Refund failed"), "crit"),
    },
    transitions=[
        ("start", "created", "awaiting_payment", "patient cashier system", _("Pay")),
        ("settle", "created awaiting_payment", "paid", "gateway system", _("Payment received")),
        (
            *("close", "created awaiting_payment", "closed"),
            *("patient doctor cashier admin system", _("Close without payment")),
        ),
        # Money that comes after the closing is owed to the payer and goes back by itself; the
        # order stays closed, so whoever gave the place away is not surprised by a paid order.
        ("settle_late", "closed", "closed", "gateway system", _("Paid after closing, goes back")),
        ("return_late", "closed", "closed", "gateway system", _("Late payment returned")),
        ("ask_refund", "paid", "refund_due", "cashier admin system", _("Refund")),
        ("send_refund", "refund_due", "refunding", "system", _("Refund sent to the gateway")),
        (
            *("refund_done", "refund_due refunding refund_failed", "refunded"),
            *("gateway system", _("Money returned")),
        ),
        (
            *("refund_fail", "refund_due refunding", "refund_failed"),
            *("gateway system", _("Gateway refused the refund")),
        ),
        ("retry_refund", "refund_failed", "refund_due", "cashier admin", _("Try the refund again")),
    ],
)
