"""Tables of people and places."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A member of staff who can sign in."""
