"""The gateways that this service can use, by name."""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings

from payments.errors import NotConfigured
from payments.gateways import wechat_keys
from payments.gateways.base import Gateway
from payments.gateways.wechat import WeChatPay


def _wechat() -> Gateway:
    return _wechat_of(tuple(sorted(settings.WECHAT_PAY.items())), settings.PUBLIC_URL)


@lru_cache(maxsize=4)
def _wechat_of(config: tuple[tuple[str, str], ...], public_url: str) -> Gateway:
    return WeChatPay(wechat_keys.load(dict(config), public_url=public_url))


MAKERS: dict[str, Callable[[], Gateway]] = {"wechat": _wechat}


def gateway(name: str) -> Gateway:
    """The gateway ``name``. Raises NotConfigured when it is unknown or its settings are missing."""
    try:
        make = MAKERS[name]
    except KeyError:
        raise NotConfigured(f"there is no gateway {name!r}") from None
    return make()


def available() -> list[str]:
    """The names of gateways whose settings are complete."""
    return [name for name in MAKERS if _works(name)]


def _works(name: str) -> bool:
    try:
        gateway(name)
    except NotConfigured:
        return False
    return True
