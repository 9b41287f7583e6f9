"""Who asks: found by a callable that a higher floor registers (``records`` knows no accounts)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from kernel.principal import Principal

Authenticate = Callable[[HttpRequest], Principal | None]
SmartConfiguration = Callable[[HttpRequest], dict[str, Any]]


@dataclass(slots=True)
class _Registered:
    authenticate: Authenticate | None = None
    smart_configuration: SmartConfiguration | None = None


_registered = _Registered()


def register(
    authenticate: Authenticate, *, smart_configuration: SmartConfiguration | None = None
) -> None:
    """Say who recognises principals, and what ``.well-known/smart-configuration`` answers.

    ``authenticate`` returns None for a stranger.
    """
    _registered.authenticate = authenticate
    _registered.smart_configuration = smart_configuration


def principal_of(request: HttpRequest) -> Principal | None:
    """The principal of a request, or None."""
    return _registered.authenticate(request) if _registered.authenticate else None


def smart_configuration(request: HttpRequest) -> dict[str, Any] | None:
    """The SMART configuration, or None where nobody registered one."""
    describe = _registered.smart_configuration
    return describe(request) if describe else None
