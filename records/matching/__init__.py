"""Who may this patient be? For ``Patient/$match``."""

from records.matching.candidates import check, find
from records.matching.scoring import Match, rank

__all__ = ["Match", "check", "find", "rank"]
