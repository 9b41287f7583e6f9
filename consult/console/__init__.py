"""The web console of staff."""
