"""Unpacks the Brotli files of the npm package @sparticuz/chromium."""

import io
import sys
import tarfile
from pathlib import Path

import brotli


def unpack(source: Path, target: Path) -> None:
    """Write ``target/chromium`` and its libraries ``target/lib`` from the package's ``bin``."""
    program = target / "chromium.part"
    program.write_bytes(brotli.decompress((source / "chromium.br").read_bytes()))
    program.chmod(0o755)
    for name in ("al2023", "swiftshader"):
        packed = brotli.decompress((source / f"{name}.tar.br").read_bytes())
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            # The archive's hash is pinned in ./dev. Debian 12's 3.11.2 does not know filters yet.
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(target, **safe)  # type: ignore[arg-type]  # noqa: S202
    program.rename(target / "chromium")


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
