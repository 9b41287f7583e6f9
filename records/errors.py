"""Errors of the store beyond the house's own."""

from kernel.errors import Missing


class Gone(Missing):
    """It was here and has been deleted; its history is still there."""
