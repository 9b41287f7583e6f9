"""``./dev check``: everything that can be said about the code without running its tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
PYTHON = [sys.executable, "-W", "ignore"]
ENVIRONMENT = {**os.environ, "DEBUG": "1", "DEMO": "1", "DATABASE_URL": "", "REDIS_URL": ""}
CHECKS: dict[str, list[str]] = {
    "style": [str(BIN / "ruff"), "check", "."],
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "types": [str(BIN / "mypy")],
    "directions": [str(BIN / "lint-imports")],
    "migrations": [*PYTHON, "-m", "manage", "makemigrations", "--check", "--dry-run"],
    "django": [*PYTHON, "-m", "manage", "check"],
    "documents": [*PYTHON, "-m", "manage", "documents", "--check"],
    "translations": [*PYTHON, "-m", "deploy.translations", "check"],
}


def main() -> None:
    """Run every check, show the output of those that fail, exit 1 when any does."""
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def passes(name: str, command: list[str]) -> bool:
    """Run one check and say how it went."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    word = "ok" if done.returncode == 0 else "FAILED"
    print(f"{name:<14}{word}  {time.monotonic() - began:.1f} s", flush=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
    return done.returncode == 0


if __name__ == "__main__":
    main()
