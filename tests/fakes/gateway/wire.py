"""The platform's side of the signatures: verify requests, sign answers, seal notices."""

import base64
import json
import re
import secrets
import time
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tests.fakes.gateway.keys import Keys

AUTHORIZATION = re.compile(
    r'^WECHATPAY2-SHA256-RSA2048 mchid="([^"]*)",nonce_str="([^"]*)",signature="([^"]*)",'
    r'timestamp="(\d+)",serial_no="([^"]*)"$'
)
FIELDS = ("mchid", "nonce", "signature", "timestamp", "serial")
APART = 300


class Wire:
    """One platform talking with one merchant."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._merchant: Any = load_pem_public_key(keys.merchant_public.encode())
        self._platform: Any = load_pem_private_key(keys.platform_key.encode(), None)
        self._nonces: set[str] = set()

    def objection(self, method: str, target: str, header: str, body: bytes) -> str:
        """Why the request is not the merchant's, in a few words; empty when it is."""
        match = AUTHORIZATION.match(header)
        if match is None:
            return "no Authorization of the known form"
        said = dict(zip(FIELDS, match.groups(), strict=True))
        if (said["mchid"], said["serial"]) != (self.keys.mchid, self.keys.serial):
            return "unknown merchant or certificate"
        if abs(time.time() - int(said["timestamp"])) > APART:
            return "the clock differs"
        message = (
            f"{method}\n{target}\n{said['timestamp']}\n{said['nonce']}\n".encode() + body + b"\n"
        )
        try:
            self._merchant.verify(
                base64.b64decode(said["signature"]), message, padding.PKCS1v15(), hashes.SHA256()
            )
        except (InvalidSignature, ValueError):
            return "wrong signature"
        if said["nonce"] in self._nonces:
            return "the request was sent before"
        self._nonces.add(said["nonce"])
        return ""

    def headers(self, body: bytes, *, at: float | None = None) -> dict[str, str]:
        """The headers with which the platform signs ``body``."""
        stamp, nonce = str(int(time.time() if at is None else at)), secrets.token_hex(16)
        message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        signature = self._platform.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.keys.platform_id,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }

    def sealed(self, content: dict[str, Any], kind: str) -> dict[str, str]:
        """The ``resource`` of a notice: ``content`` under the merchant's APIv3 key."""
        nonce, associated = secrets.token_hex(6), kind
        plain = json.dumps(content, ensure_ascii=False).encode()
        locked = AESGCM(self.keys.apiv3_key.encode()).encrypt(
            nonce.encode(), plain, associated.encode()
        )
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "original_type": kind,
            "ciphertext": base64.b64encode(locked).decode(),
            "associated_data": associated,
            "nonce": nonce,
        }
