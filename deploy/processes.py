"""Runs several processes as one: started in order, stopped together."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
STOPS_WITHIN = 15.0


@dataclass
class Family:
    """Child processes that live and end together.

    When one ends by itself, all end, and ``wait`` returns 1: half a service is worse than none.
    Neighbours (a partner, a patient) come and go as in life.
    """

    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    neighbours: set[str] = field(default_factory=set)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, module: str, *arguments: str, env: Mapping[str, str]) -> None:
        """Start ``python -m module arguments``; it gets no Ctrl-C of its own."""
        self.children[name] = self._spawn(module, arguments, env)

    def start_neighbour(
        self, name: str, module: str, *arguments: str, env: Mapping[str, str]
    ) -> None:
        """Like ``start``, for somebody whose end is not the family's."""
        self.neighbours.add(name)
        self.start(name, module, *arguments, env=env)

    @staticmethod
    def _spawn(
        module: str, arguments: Sequence[str], env: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def handle_signals(self) -> None:
        """Ctrl-C and SIGTERM end ``wait``."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """True once a signal asked for the end."""
        return self._stopping.is_set()

    def ended(self) -> str | None:
        """The name of a child that has ended by itself, if any; neighbours do not count."""
        family = (item for item in self.children.items() if item[0] not in self.neighbours)
        return next((name for name, child in family if child.poll() is not None), None)

    def wait(self) -> int:
        """Wait for a signal (0) or for a child that ends by itself (1)."""
        while not self._stopping.wait(0.5):
            if name := self.ended():
                print(f"{name} ended; stopping everything", file=sys.stderr)
                return 1
        return 0

    def stop(self) -> None:
        """Ask all to end, last started first; kill what has not ended after a while."""
        for child in reversed(self.children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOPS_WITHIN
        for child in self.children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def wait_until_answers(url: str, family: Family, seconds: float = 60) -> bool:
    """Wait until ``url`` answers with 200; False when the time is over or a process ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not family.stopping and not family.ended():
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            family._stopping.wait(0.1)
    return False


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """True when ``port`` of the loopback can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def run_once(module: str, *arguments: str, env: Mapping[str, str], quiet: bool = False) -> None:
    """Run ``python -m module arguments`` to its end; exit with its status when that is not 0.

    ``quiet`` drops what it prints: secrets, say.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL if quiet else None,
        check=False,
    )
    if done.returncode:
        sys.exit(done.returncode)


def names(prefix: str, count: int) -> Sequence[str]:
    """``prefix-1`` to ``prefix-count``."""
    return [f"{prefix}-{number}" for number in range(1, count + 1)]
