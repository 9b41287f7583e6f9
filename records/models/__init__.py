"""The tables of the FHIR store: one file a room."""

from records.models.audit import AuditRow
from records.models.exports import Export, ExportFile
from records.models.grants import Denial, Grant, Naming
from records.models.messages import AnsweredMessage
from records.models.resources import IndexRow, Resource, ResourceVersion
from records.models.subscriptions import SubscriptionEvent, SubscriptionState

__all__ = [
    "AnsweredMessage",
    "AuditRow",
    "Denial",
    "Export",
    "ExportFile",
    "Grant",
    "IndexRow",
    "Naming",
    "Resource",
    "ResourceVersion",
    "SubscriptionEvent",
    "SubscriptionState",
]
