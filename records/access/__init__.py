"""Which principal may see, and change, which resource. Always a filter in the query itself.

Staff see what their institution keeps, what was granted to them or to it, and what is public;
those of them who do not treat patients see of all this only who the patients are, appointments and
money. Patients see their compartment; partners see what they wrote and what was granted, as far as
the scopes of their token go. A patient's Consent takes away from all of it. Whatever one may not
see is Missing.
"""

from records.access.grants import break_glass, grant, revoke
from records.access.seeing import (
    IS_DENIED,
    Clause,
    Keeper,
    is_own,
    milliseconds,
    takes_over,
    visible,
)
from records.access.writes import Owner, check_create, check_write, check_written, is_narrowed
from records.scopes import check_filter

__all__ = [
    "IS_DENIED",
    "Clause",
    "Keeper",
    "Owner",
    "break_glass",
    "check_create",
    "check_filter",
    "check_write",
    "check_written",
    "grant",
    "is_narrowed",
    "is_own",
    "milliseconds",
    "revoke",
    "takes_over",
    "visible",
]
