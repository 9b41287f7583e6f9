"""Files of exports: a folder each under ``DATA_DIR/exports``, closed to every other user.

NDJSON is kept as gzip. Beside each file lie the keys of its versions, so that it can be asked
later whether all of them may still be seen.
"""

import gzip
import os
import shutil
import zlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from django.conf import settings

from records.export.picks import Pick

LEVEL = 5
PIECE = 256 * 1024
# Eight bytes each: resource, version, size.
NUMBERS_A_PICK = 3


def root() -> Path:
    """Where all exports lie."""
    return Path(settings.DATA_DIR) / "exports"


def folder(export: str) -> Path:
    """The folder of one export, made when it is not there."""
    path = root() / export
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    root().chmod(0o700)
    return path


def remove(export: str) -> None:
    """Forget every file of an export; twice is no harm."""
    shutil.rmtree(root() / export, ignore_errors=True)


def folders() -> list[str]:
    """The exports that have a folder."""
    return [path.name for path in root().iterdir()] if root().exists() else []


def drop_drafts(export: str) -> None:
    """Forget what a worker left half-written."""
    for draft in folder(export).glob("*.draft"):
        draft.unlink(missing_ok=True)


def write_picks(path: Path, picks: Iterable[Pick], holder: str) -> None:
    """Keep a list of picks; it is there wholly or not at all."""
    draft = _draft_of(path, holder)
    with _create(draft) as output:
        numbers = array("q")
        for pick in picks:
            numbers.extend(pick)
            if len(numbers) >= PIECE:
                output.write(numbers.tobytes())
                numbers = array("q")
        output.write(numbers.tobytes())
    draft.replace(path)


def read_picks(path: Path) -> Iterator[Pick]:
    """The picks of a list, a piece at a time."""
    piece = array("q").itemsize * NUMBERS_A_PICK * 10_000
    with path.open("rb") as source:
        while found := source.read(piece):
            numbers = array("q", found)
            for place in range(0, len(numbers), NUMBERS_A_PICK):
                yield Pick(*numbers[place : place + NUMBERS_A_PICK])


class Draft:
    """An NDJSON file being written. It has its name only once it is whole."""

    def __init__(self, path: Path, holder: str) -> None:
        self.path = path
        self.count = 0
        self.size = 0
        self._keys = array("q")
        self._draft, self._keys_draft = _draft_of(path, holder), _draft_of(_keys_of(path), holder)
        self._output = _create(self._draft)
        self._packed = gzip.GzipFile("", "wb", LEVEL, self._output, mtime=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._packed.close()
        self._output.close()
        for draft in (self._draft, self._keys_draft):
            draft.unlink(missing_ok=True)

    def add(self, text: str, versions: Iterable[tuple[int, int]] = ()) -> None:
        """One line, and the versions (resource, number) of which it tells."""
        line = text.encode() + b"\n"
        self._packed.write(line)
        for version in versions:
            self._keys.extend(version)
        self.count += 1
        self.size += len(line)

    def finish(self) -> int:
        """Give it its name; return its length on the disk."""
        self._packed.close()
        self._output.flush()
        os.fsync(self._output.fileno())
        self._output.close()
        with _create(self._keys_draft) as output:
            output.write(self._keys.tobytes())
        self._keys_draft.replace(_keys_of(self.path))
        self._draft.replace(self.path)
        return self.path.stat().st_size


def _draft_of(path: Path, holder: str) -> Path:
    # Two workers never write into one draft, even when one is thought dead and is not.
    return path.with_name(f"{path.name}.{holder}.draft")


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _keys_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.keys")


def versions(path: Path) -> list[tuple[int, int]]:
    """The versions (resource, number) of which a finished file tells. Raises OSError."""
    numbers = array("q", _keys_of(path).read_bytes())
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def packed(path: Path) -> Iterator[bytes]:
    """The gzip as it lies on the disk, a piece at a time. Raises OSError."""
    with path.open("rb") as source:
        while piece := source.read(PIECE):
            yield piece


def plain(path: Path) -> Iterator[bytes]:
    """The NDJSON, a piece at a time. Raises OSError."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for piece in packed(path):
        # Text shrinks a hundredfold at times: what comes out is cut into pieces too.
        yield unpack.decompress(piece, PIECE)
        while unpack.unconsumed_tail:
            yield unpack.decompress(unpack.unconsumed_tail, PIECE)
    yield unpack.flush()
