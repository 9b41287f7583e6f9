"""The look's own rules: contrast of the roles, known icons, no styles or scripts inline."""

import re
from pathlib import Path

import pytest
from django.template import Engine

CONSULT = Path(__file__).parents[2] / "consult"
TOKENS = (CONSULT / "static/look/tokens.css").read_text()
TEMPLATES = sorted((CONSULT / "templates").rglob("*.html"))
NAMES = [path.relative_to(CONSULT / "templates").as_posix() for path in TEMPLATES]

TEXT, SHAPE = 4.5, 3.0
GROUNDS = ("bg", "surface", "sunken", "hover", "selected")
TONES = ("crit", "warn", "ok", "hold", "idle")
PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "ink-2", "ink-3", "accent") for ground in GROUNDS),
    *((tone, ground, TEXT) for tone in TONES for ground in (f"{tone}-bg", *GROUNDS)),
    *((f"on-{tone}", f"{tone}-solid", TEXT) for tone in TONES),
    *((ink, f"{tone}-bg", TEXT) for tone in TONES for ink in ("ink", "ink-2")),
    ("on-accent", "accent-solid", TEXT),
    ("on-accent", "accent-hover", TEXT),
    ("accent", "accent-bg", TEXT),
    ("rail-ink", "rail", TEXT),
    ("rail-on", "rail-2", TEXT),
    *((shape, "surface", SHAPE) for shape in ("field-line", "ring", "plot", "plot-2")),
    *((shape, "bg", SHAPE) for shape in ("field-line", "ring")),
    *((f"pay-{part}", "surface", SHAPE) for part in ("fund", "account")),
]
STAGE_PAIRS = [
    ("stage-ink", "stage"),
    ("stage-ink-2", "stage"),
    ("stage-ink-2", "stage-2"),
    ("stage-ink", "stage-line"),
]


def roles(start: str) -> dict[str, str]:
    """The custom properties of the first block after ``start``."""
    block = TOKENS[TOKENS.index(start) :].split("{", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]+)", block))


LIGHT = roles(':root, [data-theme="light"]')
DARK = roles('[data-theme="dark"]')
THEMES = {"light": LIGHT, "dark": LIGHT | DARK}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    digits = colour.lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_every_pair_of_roles_can_be_read(theme: str):
    colours = THEMES[theme]
    low = {
        f"{one} on {other}": round(contrast(colours[one], colours[other]), 2)
        for one, other, needed in PAIRS
        if contrast(colours[one], colours[other]) < needed
    }
    assert not low


def test_words_on_the_stage_can_be_read():
    stage = roles(":root {\n    --stage")
    assert all(contrast(stage[one], stage[other]) >= TEXT for one, other in STAGE_PAIRS)


def test_the_two_dark_blocks_are_in_step():
    assert roles(":root:not([data-theme])") == DARK


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles(name: str):
    assert Engine.get_default().get_template(name).name == name


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_a_template_needs_no_hole_in_the_content_security_policy(path: Path):
    assert not re.findall(r'\sstyle="|<style|<script(?![^>]*\ssrc=)|\son\w+="', path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_every_icon_is_in_the_sprite(path: Path):
    sprite = (CONSULT / "templates/parts/_sprite.html").read_text()
    drawn = set(re.findall(r'id="i-([\w-]+)"', sprite))
    used = set(re.findall(r'{% icon "([\w-]+)"', path.read_text()))
    assert used <= drawn


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_a_pushed_part_has_the_id_that_its_first_line_promises(path: Path):
    text = path.read_text()
    promised = re.match(r"{% comment %}.*?Id: ([\w-]+?)(?:-<| |;|,|\.)", text)
    body = text.partition("{% endcomment %}")[2]
    assert promised is None or f'id="{promised[1]}' in body
