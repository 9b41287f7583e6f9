"""The house stays liveable: sizes, names, and what must never be committed."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (
    "kernel",
    "records",
    "payments",
    "signaling",
    "accounts",
    "referrals",
    "consult",
    "config",
    "demo",
    "deploy",
)
FORBIDDEN = re.compile(
    "|".join(
        (
            "/ro" + "ot/",
            "/wo" + "rk/",
            r"pypi\." + "org",
            "python" + "hosted",
            r"registry\.npm" + "js",
        )
    )
)


def committed(*suffixes: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    paths = [ROOT / name for name in listed if name.endswith(suffixes)]
    return [path for path in paths if path.exists()]


def modules() -> list[Path]:
    return [
        path
        for path in committed(".py")
        if path.relative_to(ROOT).parts[0] in PRODUCT and "migrations" not in path.parts
    ]


def functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_module_is_a_crowd():
    crowded = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in modules()}
    assert {name: lines for name, lines in crowded.items() if lines > 400} == {}


def test_functions_are_small():
    sizes = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in modules()
        for node in functions(path)
    }
    assert {name: lines for name, lines in sizes.items() if lines > 60} == {}
    ordered = sorted(sizes.values())
    assert ordered[len(ordered) // 2] <= 10, "half of the functions have at most ten lines"
    assert ordered[len(ordered) * 9 // 10] <= 34, "nine in ten have at most 34"


def test_the_ground_stays_small():
    lines = sum(len(p.read_text().splitlines()) for p in modules() if "kernel" in p.parts)
    assert lines < 800


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_no_room_without_a_purpose(name):
    assert not [p for p in modules() if p.stem == name]


def test_every_test_asserts():
    silent = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in committed(".py")
        if path.name.startswith("test_")
        for node in functions(path)
        if node.name.startswith("test_") and not asserts(node)
    ]
    assert silent == []


def asserts(node: ast.AST) -> bool:
    text = ast.dump(node).lower()
    return any(word in text for word in ("assert(", "raises", "expect", "assert_"))


def test_no_machine_s_path_and_no_index_address_is_committed():
    suffixes = (".py", ".md", ".txt", ".toml", ".html", ".js", ".css", ".po", ".json", "dev", "run")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in committed(*suffixes)
        if (match := FORBIDDEN.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert found == []
