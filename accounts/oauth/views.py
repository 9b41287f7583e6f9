"""POST /oauth/token."""

from django.http import HttpRequest, JsonResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.oauth import assertions, scopes, tokens
from accounts.oauth.errors import TokenError

LARGEST = 16 * 1024
FORM = "application/x-www-form-urlencoded"


@csrf_exempt  # no browser comes here: the signed assertion is the proof
@require_POST
def token(request: HttpRequest) -> JsonResponse:
    """A token for a partner's system, or the reason why not (RFC 6749 §5)."""
    try:
        answer = JsonResponse(_grant(_form(request)))
    except TokenError as error:
        says = {"error": error.code, "error_description": error.says}
        answer = JsonResponse(says, status=error.status)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Pragma"] = "no-cache"
    return answer


def _grant(form: QueryDict) -> dict[str, object]:
    if form.get("grant_type") != "client_credentials":
        raise TokenError("unsupported_grant_type", "only client_credentials is supported")
    if form.get("client_assertion_type") != assertions.TYPE:
        raise TokenError("invalid_request", f"client_assertion_type must be {assertions.TYPE}")
    asked = scopes.parse(form.get("scope", ""))
    if not asked:
        raise TokenError("invalid_scope", "scope is missing")
    partner = assertions.authenticate(form.get("client_assertion", ""))
    granted = scopes.narrow(asked, scopes.parse(partner.scopes))
    if not granted:
        raise TokenError("invalid_scope", "nothing of what was asked is granted to this client")
    scope = " ".join(map(str, granted))
    return {
        "access_token": tokens.issue(partner, scope),
        "token_type": "bearer",
        "expires_in": tokens.SECONDS,
        "scope": scope,
    }


def _form(request: HttpRequest) -> QueryDict:
    if request.content_type != FORM or len(request.body) > LARGEST:
        raise TokenError("invalid_request", f"send at most {LARGEST} bytes of {FORM}")
    form = QueryDict(request.body)
    if any(len(form.getlist(name)) > 1 for name in form):
        raise TokenError("invalid_request", "a parameter was sent twice")
    return form
