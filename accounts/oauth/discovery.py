"""What a partner's system reads at /fhir/.well-known/smart-configuration."""

from accounts.oauth.assertions import ALGORITHMS, token_url


def smart_configuration() -> dict[str, object]:
    """The document of SMART App Launch 2.2, §8, for backend services only."""
    return {
        "token_endpoint": token_url(),
        "grant_types_supported": ["client_credentials"],
        "code_challenge_methods_supported": ["S256"],  # required, though nobody signs in here
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "scopes_supported": ["system/*.cruds", "system/*.rs", "system/*.read", "system/*.write"],
        "response_types_supported": [],
        "capabilities": [
            "client-confidential-asymmetric",
            "permission-v1",
            "permission-v2",
        ],
    }
