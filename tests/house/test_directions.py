"""Who enters whom, and by which door; that imports run down only is kept by ``./dev check``."""

import ast
from collections.abc import Iterator

import pytest

from config.management.commands.documents import TABLES, tables
from tests.house.test_shape import ROOT, modules

# The ways into a room for the floors above it (docs/house.md, "Directions").
EVERY = {"services", "queries", "workflow", "errors"}
MORE = {
    "records": {"store", "build", "search", "access", "hooks", "api", "audit"},
    "payments": {"split", "money"},
    "accounts": {"doors", "sessions", "principals", "messages"},
    "signaling": set(),
    "referrals": set(),
}
# The roof wires everything; the demo fills the tables as an administrator would.
WIRING = {"config", "demo", "deploy"}
ROLES = {
    *("doctor", "nurse", "pharmacist", "cashier", "admin", "auditor"),
    *("patient", "partner", "gateway", "system"),
}


def imports(tree: ast.AST) -> Iterator[str]:
    """What runs: imports for types alone (``if TYPE_CHECKING``) open no door."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        yield from imports(node)


def test_rooms_are_entered_by_their_doors():
    wrong = []
    for path in modules():
        name = path.relative_to(ROOT)
        for found in imports(ast.parse(path.read_text(encoding="utf-8"))):
            room, _, inner = found.partition(".")
            if room not in MORE or name.parts[0] in WIRING | {room}:
                continue
            if inner.partition(".")[0] not in EVERY | MORE[room]:
                wrong.append(f"{name}: {found}")
    assert wrong == []


def test_every_table_is_in_the_documents():
    written = {str(p.relative_to(ROOT)) for p in modules() if p.name == "workflow.py"}
    named = {f"{name.replace('.', '/')}.py" for name in TABLES}
    assert written - {"kernel/workflow.py"} == named


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_tables_name_roles_that_somebody_has(table):
    assert {role for row in table.transitions.values() for role in row.by} <= ROLES


def test_the_description_of_the_house_names_files_that_exist():
    text = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    named = {word for word in text.split("`") if word.endswith(".py") and "/" in word}
    assert named
    assert [word for word in sorted(named) if not (ROOT / word).exists()] == []
