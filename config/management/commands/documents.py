"""Writes the documents that are made from the code: ``manage documents [--check]``."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.env import TABLE
from kernel.workflow import Workflow
from signaling.describe import describe

ROOT = Path(settings.BASE_DIR)
TABLES = ("consult.workflow", "referrals.workflow", "payments.workflow", "signaling.workflow")


def documents() -> dict[str, str]:
    """Path to text, of every document made from the code."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {
        "docs/workflows.md": workflows(),
        "docs/protocol.md": describe(),
        "README.md": between(readme, "environment", environment()),
    }


def workflows() -> str:
    """Every table of transitions, as a diagram and as a table."""
    parts = ["# Workflows\n\nMade from the tables by `./dev manage documents`; do not edit.\n"]
    parts += [describe_workflow(workflow) for workflow in tables()]
    return "\n".join(parts)


def describe_workflow(workflow: Workflow) -> str:
    """One workflow in Markdown, with a Mermaid state diagram."""
    lines = [f"## {workflow.name}", "", "```mermaid", "stateDiagram-v2"]
    lines.append(f"    [*] --> {workflow.start}")
    for transition in workflow.transitions.values():
        for source in transition.sources:
            lines.append(f"    {source} --> {transition.to}: {transition.name}")
    lines += [f"    {name} --> [*]" for name in workflow.states if workflow.is_final(name)]
    lines += ["```", "", "| state | shown as | tone |", "|---|---|---|"]
    lines += [f"| {s.name} | {s.label} | {s.tone} |" for s in workflow.states.values()]
    lines += ["", "| transition | from | to | by | label |", "|---|---|---|---|---|"]
    for t in workflow.transitions.values():
        row = (t.name, ", ".join(t.sources), t.to, ", ".join(t.by), t.label)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def environment() -> str:
    """The table of environment variables."""
    lines = ["| variable | default | for |", "|---|---|---|"]
    lines += [
        f"| `{v.name}` | {f'`{v.default}`' if v.default else ''} | {v.about} |" for v in TABLE
    ]
    return "\n".join(lines)


def between(text: str, name: str, content: str) -> str:
    """``text`` with ``content`` between the comments ``<!-- name -->`` and ``<!-- /name -->``."""
    pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
    return re.sub(pattern, lambda m: m[1] + content + m[2], text, flags=re.DOTALL)


def tables() -> Iterator[Workflow]:
    """Every table of transitions of the house."""
    for name in TABLES:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Workflow):
                yield value


def _read(path: str) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else ""


class Command(BaseCommand):
    """``manage documents``: write them; with ``--check`` name those that are stale."""

    help = "Write the documents that are made from the code."

    def add_arguments(self, parser: CommandParser) -> None:
        """--check."""
        parser.add_argument("--check", action="store_true", help="only name what is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        made = documents()
        stale = [path for path, text in made.items() if _read(path) != text]
        if stale and options["check"]:
            raise CommandError(f"stale, run ./dev manage documents: {', '.join(stale)}")
        for path in stale:
            (ROOT / path).parent.mkdir(exist_ok=True)
            (ROOT / path).write_text(made[path], encoding="utf-8")
