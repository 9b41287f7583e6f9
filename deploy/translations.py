"""Chinese for every English sentence: compiles the .po files and finds what they lack.

``python -m deploy.translations compile|check``. Works without GNU gettext.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import templatize

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "consult", "demo", "payments", "records", "referrals", "signaling")
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "_": None,
    "mark": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def compile_all() -> None:
    """Write a .mo beside every .po."""
    for po in ROOT.glob("*/locale/*/LC_MESSAGES/django.po"):
        with po.open("rb") as source, po.with_suffix(".mo").open("wb") as target:
            write_mo(target, read_po(source, locale="zh_Hans"))


def missing(app: str) -> Iterator[str]:
    """``file:line: sentence`` for each sentence of ``app`` that has no Chinese."""
    known = translated(app)
    for path in sorted((ROOT / app).rglob("*")):
        if path.suffix in (".py", ".html", ".txt") and "migrations" not in path.parts:
            for line, sentence in sentences(path):
                if sentence not in known:
                    yield f"{path.relative_to(ROOT)}:{line}: {sentence}"


def translated(app: str) -> set[str]:
    """The sentences for which ``app`` has Chinese."""
    po = ROOT / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    if not po.exists():
        return set()
    with po.open("rb") as source:
        catalog = read_po(source, locale="zh_Hans")
    return {_first(message.id) for message in catalog if message.string and not message.fuzzy}


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """(line, sentence) for everything marked for translation in a Python file or a template."""
    text = path.read_text(encoding="utf-8")
    source = text if path.suffix == ".py" else templatize(text, origin=str(path))
    for line, _function, message, _comments in _extracted(source):
        yield line, _first(message)


def _extracted(source: str) -> Iterator[tuple[int, object, object, object]]:
    stream = io.BytesIO(source.encode())
    for found in extract("python", stream, keywords=KEYWORDS, options={"encoding": "utf-8"}):
        line, message, comments, context = found
        yield line, context, message, comments


def _first(message: object) -> str:
    return str(message[0]) if isinstance(message, (tuple, list)) else str(message)


def main() -> None:
    """The command line."""
    settings.configure(USE_I18N=True)
    if sys.argv[1:] == ["compile"]:
        compile_all()
        return
    lacking = [line for app in APPS for line in missing(app)]
    if lacking:
        sys.exit("no Chinese for:\n" + "\n".join(lacking))


if __name__ == "__main__":
    main()
