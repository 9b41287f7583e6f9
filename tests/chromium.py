"""The browser of the tests: the one that ./dev found or fetched, else the machine's own."""

import os
import shutil
from typing import Any

CALLING = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def options(*arguments: str) -> dict[str, Any]:
    """What Playwright's ``launch`` takes; ``*CALLING`` adds a fake camera and microphone.

    Raises LookupError when there is no browser: ./dev test fetches one.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        raise LookupError("no Chromium: run ./dev test, or set CHROMIUM to its path")
    libraries = os.environ.get("BROWSER_LIBS")
    env = {**os.environ, **({"LD_LIBRARY_PATH": libraries} if libraries else {})}
    return {"executable_path": path, "args": [*QUIET, *arguments], "env": env}
