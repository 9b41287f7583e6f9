"""The product's settings, with the small models that test the kernel."""

from pathlib import Path
from tempfile import mkdtemp

from config.settings import *  # noqa: F403
from config.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.kernel.lamps"]
# Argon2 is slow on purpose; tests sign in hundreds of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATA_DIR = Path(mkdtemp(prefix="tongzhen-test-"))
# SQLite's in-memory database knows no WAL: threads would meet "table is locked", as in no profile.
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
