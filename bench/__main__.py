"""``./dev bench [NAME] [--quick]``: run benchmarks, print tables, write bench/results/NAME.json.

Figures are CPU seconds of our own processes, or ratios to a peer measured in the same run; wall
times stand beside them as context only. The exit status is 0 when every figure holds its goal.
"""

import argparse
import importlib
import json
import pkgutil
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
Figures = dict[str, dict[str, float | str | bool]]


def main() -> None:
    """The command line."""
    known = sorted(m.name for m in pkgutil.iter_modules([str(HERE)]) if m.name != "__main__")
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("name", nargs="?", choices=known)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    options = parser.parse_args()
    names = [options.name] if options.name else known
    holds = [measure(name, quick=options.quick) for name in names]
    sys.exit(0 if all(holds) else 1)


def measure(name: str, *, quick: bool) -> bool:
    """Run one benchmark, print and write its figures; True when all hold."""
    figures: Figures = importlib.import_module(f"bench.{name}").run(quick=quick)
    print(f"\n{name}")
    for key, figure in figures.items():
        mark = "holds" if figure["holds"] else "SHORT"
        print(f"  {key:<36}{figure['value']:>10} {figure['unit']:<8} goal {figure['goal']}  {mark}")
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    record = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()} {platform.python_version()}",
        "quick": quick,
        "figures": figures,
    }
    (results / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return all(bool(figure["holds"]) for figure in figures.values())


if __name__ == "__main__":
    main()
