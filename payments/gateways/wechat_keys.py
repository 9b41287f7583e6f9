"""Who we are at WeChat Pay: numbers and keys, checked once, with a sentence when one is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from payments.errors import NotConfigured


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Everything that signing for and believing WeChat Pay takes; never printed."""

    url: str
    mchid: str
    appid: str
    serial: str
    private_key: RSAPrivateKey
    apiv3_key: bytes
    platform_id: str
    platform_key: RSAPublicKey
    notify_url: str


def load(config: Mapping[str, str], *, public_url: str) -> Keys:
    """Keys from ``settings.WECHAT_PAY``. Raises NotConfigured naming the variable that is wrong."""
    for name, value in config.items():
        if not value:
            raise NotConfigured(f"WECHAT_PAY_{name.upper()} is not set: WeChat Pay is off")
    apiv3_key = config["apiv3_key"].encode()
    if len(apiv3_key) != 32:
        raise NotConfigured("WECHAT_PAY_APIV3_KEY must have 32 bytes")
    return Keys(
        url=config["url"],
        mchid=config["mchid"],
        appid=config["appid"],
        serial=config["serial"],
        private_key=_private(config["key_file"]),
        apiv3_key=apiv3_key,
        platform_id=config["platform_id"],
        platform_key=_public(config["platform_key_file"]),
        notify_url=f"{public_url}/pay/callback/wechat",
    )


def _private(path: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NotConfigured("WECHAT_PAY_KEY_FILE is not a readable PEM private key") from error
    if not isinstance(key, RSAPrivateKey):
        raise NotConfigured("WECHAT_PAY_KEY_FILE is not an RSA key")
    return key


def _public(path: str) -> RSAPublicKey:
    try:
        key = load_pem_public_key(Path(path).read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise NotConfigured("WECHAT_PAY_PLATFORM_KEY_FILE is not a PEM public key") from error
    if not isinstance(key, RSAPublicKey):
        raise NotConfigured("WECHAT_PAY_PLATFORM_KEY_FILE is not an RSA key")
    return key
