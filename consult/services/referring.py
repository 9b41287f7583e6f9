"""From a visit to another institution."""

from django.db import transaction

from consult import live
from consult.models import Visit
from consult.services.calling import own
from kernel.principal import Principal
from referrals import services as referrals


def request_referral(
    visit: Visit, *, to: str, urgency: str, purpose: str, reason: str, summary: str, by: Principal
) -> str:
    """Send the visit's patient on; returns the referral's public id.

    Raises what referrals raises: Invalid for codes and texts, Refused for a second live one.
    """
    own(visit, by)
    with transaction.atomic():
        referral = referrals.send_referral(
            patient=visit.patient,
            visit=visit.public_id,
            to=to,
            urgency=urgency,
            purpose=purpose,
            reason=reason,
            summary=summary,
            by=by,
        )
        live.referral_moved(
            referral.public_id, visit_id=visit.public_id, institutions=(visit.institution,)
        )
    return referral.public_id
