"""Signatures and sealed resources of WeChat Pay API v3: pure functions of keys and bytes."""

import base64
import binascii
import json
import secrets
import time
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

SCHEME = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"
FRESH = 300  # seconds, both ways


def authorization(
    key: RSAPrivateKey, *, mchid: str, serial: str, method: str, target: str, body: bytes
) -> str:
    """The Authorization header of a request; ``target`` is path and query exactly as sent."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    message = b"\n".join(
        (method.encode(), target.encode(), stamp.encode(), nonce.encode(), body, b"")
    )
    signature = base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{stamp}",serial_no="{serial}"'
    )


def is_signed(key: RSAPublicKey, *, stamp: str, nonce: str, body: bytes, signature: str) -> bool:
    """True when the gateway signed ``body`` with this time stamp and nonce."""
    message = b"\n".join((stamp.encode(), nonce.encode(), body, b""))
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def is_fresh(stamp: str, *, at: float | None = None) -> bool:
    """True when ``stamp`` (seconds since 1970) lies within ``FRESH`` of the present."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        return False
    return abs((time.time() if at is None else at) - int(stamp)) <= FRESH


def unseal(key: bytes, resource: dict[str, Any]) -> dict[str, Any]:
    """The object inside a callback's ``resource``.

    Raises ValueError when it was not sealed with ``key`` or is no JSON object.
    """
    if resource.get("algorithm") != ALGORITHM:
        raise ValueError("unknown algorithm")
    try:
        plain = AESGCM(key).decrypt(
            str(resource["nonce"]).encode(),
            base64.b64decode(str(resource["ciphertext"]), validate=True),
            str(resource.get("associated_data") or "").encode(),
        )
    except (InvalidTag, KeyError, binascii.Error) as error:
        raise ValueError("the resource cannot be opened") from error
    return an_object(plain)


def an_object(text: bytes) -> dict[str, Any]:
    """The JSON object in ``text``. Raises ValueError for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
