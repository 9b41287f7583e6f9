"""The one page of this room: our public key, for partners."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from referrals.exchange import identity


@require_GET
@cache_control(max_age=300, public=True)
def jwks(request: HttpRequest) -> JsonResponse:
    """The JWK set that verifies our client assertions."""
    return JsonResponse(identity.public_jwks(), content_type="application/jwk-set+json")
