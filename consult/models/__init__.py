"""Tables of visits."""

from consult.models.note import Diagnosis, Note
from consult.models.visit import Visit, VisitLink, VisitTransition

__all__ = ["Diagnosis", "Note", "Visit", "VisitLink", "VisitTransition"]
