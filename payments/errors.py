"""What can go wrong between us and a gateway; the house's own errors are in ``kernel.errors``."""


class GatewayError(Exception):
    """The gateway refused or could not be reached.

    ``permanent`` says that the same request will fail again; ``code`` is the gateway's own word,
    empty when it never answered. ``says`` holds no patient data.
    """

    def __init__(self, says: str, *, permanent: bool, code: str = "") -> None:
        super().__init__(says)
        self.says = says
        self.permanent = permanent
        self.code = code


class NotConfigured(GatewayError):
    """Settings are missing or unusable; ``says`` names the variable."""

    def __init__(self, says: str) -> None:
        super().__init__(says, permanent=True, code="NOT_CONFIGURED")


class CallbackRefused(Exception):
    """A callback that is not from the gateway, not fresh, or not about us.

    ``reason`` is one word for the log and the counter: ``signature``, ``serial``, ``stale`` …
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
