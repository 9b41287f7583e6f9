"""What a token request is refused with (RFC 6749 §5.2)."""


class TokenError(Exception):
    """``code`` is the error word of the standard; ``says`` a sentence for the partner's engineers.

    The sentence never tells whether a client exists.
    """

    def __init__(self, code: str, says: str, *, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.says = says
        self.status = status


def invalid_client(says: str) -> TokenError:
    """The client could not be authenticated."""
    return TokenError("invalid_client", says, status=401)
