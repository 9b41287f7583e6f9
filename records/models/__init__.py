"""The tables of the FHIR store: one file a room."""

from records.models.grants import Grant
from records.models.resources import IndexRow, Resource, ResourceVersion
from records.models.subscriptions import SubscriptionEvent, SubscriptionState

__all__ = [
    "Grant",
    "IndexRow",
    "Resource",
    "ResourceVersion",
    "SubscriptionEvent",
    "SubscriptionState",
]
