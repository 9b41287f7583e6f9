"""Profiles of the consortium: what its own applications hold themselves to, beyond R4.

A resource that claims one in ``meta.profile`` is checked whoever writes it; what services of this
house write is checked in any case; ``$validate?profile=`` checks whatever is asked. A profile that
is not ours is kept and not checked. ``numbers`` are the checks of single numbers with their
sources, ``table`` the profiles, ``definitions`` their StructureDefinitions.
"""

from records.profiles.table import STANDARD, Profile, breaches, find, of_kind, unknown

__all__ = ["STANDARD", "Profile", "breaches", "find", "of_kind", "unknown"]
