"""What rooms can do for the floors above."""


def media_ready() -> bool:
    """True when a media node can take a room."""
    return True
