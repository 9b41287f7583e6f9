"""Keys of the merchant and of the platform, made afresh."""

import json
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MCHID = "1900000109"
APPID = "wxd678efh567hg6787"
NAMES = ("merchant_key.pem", "merchant_public.pem", "platform_key.pem", "platform_public.pem")


@dataclass(frozen=True)
class Keys:
    """What both sides know; private keys as PEM text."""

    folder: Path
    mchid: str
    appid: str
    serial: str
    platform_id: str
    apiv3_key: str
    merchant_key: str
    merchant_public: str
    platform_key: str
    platform_public: str

    def environment(self, url: str) -> dict[str, str]:
        """The service's variables for a gateway at ``url``."""
        return {
            "WECHAT_PAY_URL": url,
            "WECHAT_PAY_MCHID": self.mchid,
            "WECHAT_PAY_APPID": self.appid,
            "WECHAT_PAY_SERIAL": self.serial,
            "WECHAT_PAY_KEY_FILE": str(self.folder / "merchant_key.pem"),
            "WECHAT_PAY_APIV3_KEY": self.apiv3_key,
            "WECHAT_PAY_PLATFORM_ID": self.platform_id,
            "WECHAT_PAY_PLATFORM_KEY_FILE": str(self.folder / "platform_public.pem"),
        }

    def settings(self, url: str) -> dict[str, str]:
        """``settings.WECHAT_PAY`` for a gateway at ``url``."""
        found = self.environment(url)
        return {name.removeprefix("WECHAT_PAY_").lower(): found[name] for name in found}


def make(folder: Path) -> Keys:
    """Write keys into ``folder`` unless they are there; read them."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "numbers.json").exists():
        _pair(folder, "merchant")
        _pair(folder, "platform")
        alphabet = string.ascii_letters + string.digits
        numbers = {
            "serial": secrets.token_hex(20).upper(),
            "platform_id": f"PUB_KEY_ID_01{secrets.randbelow(10**24):024d}",
            "apiv3_key": "".join(secrets.choice(alphabet) for _ in range(32)),
        }
        _write(folder / "numbers.json", json.dumps(numbers, indent=1).encode())
    return read(folder)


def read(folder: Path) -> Keys:
    """Keys that ``make`` wrote."""
    numbers = json.loads((folder / "numbers.json").read_text())
    pems = {name.removesuffix(".pem"): (folder / name).read_text() for name in NAMES}
    return Keys(folder=folder.resolve(), mchid=MCHID, appid=APPID, **numbers, **pems)


def _pair(folder: Path, name: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(
        folder / f"{name}_key.pem",
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(folder / f"{name}_public.pem", public)


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
