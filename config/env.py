"""Reads the environment: one table, checked at start; a refusal names the variable."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the table in README: name, default, what it is for."""

    name: str
    default: str
    about: str


TABLE = (
    Variable("DEBUG", "0", "1 shows errors in full and allows insecure defaults; never in service"),
    Variable("SECRET_KEY", "", "signs sessions, links and tickets; at least 32 characters"),
    Variable("ALLOWED_HOSTS", "127.0.0.1,localhost", "host names served, separated by commas"),
    Variable("PUBLIC_URL", "http://127.0.0.1:8000", "the address that people and partners use"),
    Variable("DATABASE_URL", "", "postgresql://user:password@host:port/name; empty: SQLite file"),
    Variable("REDIS_URL", "", "redis://host:port; empty: everything in one process"),
    Variable("DATA_DIR", "", "folder of the SQLite file and of made keys; empty: .data/"),
    Variable("DEMO", "0", "1 lists the demo accounts on the sign-in page"),
    Variable("TURN_URLS", "", "turn:/turns: addresses for browsers, separated by commas"),
    Variable("TURN_SECRET", "", "coturn's static-auth-secret; needed with TURN_URLS"),
    Variable("MEDIA_ADDRESSES", "127.0.0.1", "addresses announced for media, separated by commas"),
    Variable("MEDIA_PORTS", "", "range of UDP ports for media, as 40000-40100; empty: any"),
    Variable("PARTNER_PRIVATE_NETWORKS", "0", "1 lets partner systems live on private addresses"),
    Variable("SUBSCRIPTION_EVENT_DAYS", "30", "days for which events of subscriptions are kept"),
    Variable("FHIR_MOST_BYTES", "67108864", "the largest body that /fhir takes"),
    Variable("FHIR_MOST_ENTRIES", "25000", "the most entries of a Bundle that /fhir carries out"),
    Variable("EXCHANGE_CLIENT_ID", "tongzhen", "the client id that partner hospitals know us by"),
    Variable("EXCHANGE_KEY_FILE", "", "PEM file of our signing key; empty: made in DATA_DIR"),
    Variable("WECHAT_PAY_URL", "", "base address of the WeChat Pay API v3"),
    Variable("WECHAT_PAY_MCHID", "", "merchant number"),
    Variable("WECHAT_PAY_APPID", "", "application id"),
    Variable("WECHAT_PAY_SERIAL", "", "serial number of the merchant's certificate"),
    Variable("WECHAT_PAY_KEY_FILE", "", "PEM file of the merchant's private key"),
    Variable("WECHAT_PAY_APIV3_KEY", "", "32-byte key of encrypted callbacks"),
    Variable("WECHAT_PAY_PLATFORM_ID", "", "id of the platform's public key (PUB_KEY_ID_…)"),
    Variable("WECHAT_PAY_PLATFORM_KEY_FILE", "", "PEM file of the platform's public key"),
    Variable("EXPORT_HOURS", "24", "hours for which files of bulk exports are kept in DATA_DIR"),
    Variable("EXPORT_LARGEST_MB", "20480", "most that one bulk export may hold, in MiB of NDJSON"),
    Variable("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR"),
)
_DEFAULTS = {variable.name: variable.default for variable in TABLE}


class Environment:
    """Typed access to the variables of ``TABLE``.

    Every method raises ImproperlyConfigured with a sentence naming the variable.
    """

    def __init__(self, source: Mapping[str, str] | None = None) -> None:
        self._source = os.environ if source is None else source

    def text(self, name: str) -> str:
        """The value, or its default."""
        return self._source.get(name, "").strip() or _DEFAULTS[name]

    def flag(self, name: str) -> bool:
        """0 or 1."""
        value = self.text(name)
        if value not in ("0", "1"):
            raise ImproperlyConfigured(f"{name} must be 0 or 1, not {value!r}")
        return value == "1"

    def number(self, name: str, *, least: int = 1) -> int:
        """A whole number, at least ``least``."""
        value = self.text(name)
        if not (value.isascii() and value.isdigit() and len(value) < 16 and int(value) >= least):
            raise ImproperlyConfigured(f"{name} must be a whole number from {least} on")
        return int(value)

    def words(self, name: str) -> list[str]:
        """Values separated by commas."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def url(self, name: str, *schemes: str) -> str:
        """An address with one of ``schemes`` and a host, without a slash at its end; or empty."""
        value = self.text(name).rstrip("/")
        parts = urlsplit(value)
        if value and (parts.scheme not in schemes or not parts.hostname):
            raise ImproperlyConfigured(f"{name} must look like {schemes[0]}://host")
        return value

    def ports(self, name: str) -> tuple[int, int] | None:
        """A range of ports as ``low-high``, or None when empty."""
        value = self.text(name)
        if not value:
            return None
        low, dash, high = value.partition("-")
        if not (dash and low.isdigit() and high.isdigit() and 0 < int(low) <= int(high) < 65536):
            raise ImproperlyConfigured(f"{name} must look like 40000-40100, not {value!r}")
        return int(low), int(high)

    def secret(self, name: str, *, debug: bool, make: Callable[[], str]) -> str:
        """At least 32 characters; in debugging only, ``make`` stands in for a missing one."""
        value = self.text(name)
        if not value and debug:
            return make()
        if len(value) < 32:
            raise ImproperlyConfigured(f"{name} must be set to at least 32 characters")
        return value
