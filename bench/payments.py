"""Payments: CPU seconds of the serving process for 1,000 callbacks, settlements, forgeries.

Measured in a process of its own (``tests.payments.load``) on PostgreSQL, against the sandbox
gateway in another process. The database's and the gateway's own time is not counted.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GOALS = {
    "callback_cpu_s_per_1000": (20.0, "s"),
    "repeated_callback_cpu_s_per_1000": (4.0, "s"),
    "forged_callback_cpu_s_per_1000": (4.0, "s"),
    "settle_cpu_s_per_1000": (9.0, "s"),
    "verify_ratio_to_wechatpayv3": (1.2, "x"),
}


def run(*, quick: bool) -> dict[str, dict[str, Any]]:
    """Measure; each figure with its goal (lower is better)."""
    count = 300 if quick else 2000
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "figures.json"
        subprocess.run(
            [sys.executable, "-m", "tests.payments.load", str(count), str(output)],
            cwd=ROOT,
            check=True,
        )
        values: dict[str, float] = json.loads(output.read_text())
    return {name: _figure(name, values[name]) for name in GOALS}


def _figure(name: str, value: float) -> dict[str, Any]:
    goal, unit = GOALS[name]
    rounded = round(value, 2)
    return {
        **{"value": rounded, "goal": goal, "unit": unit, "better": "lower"},
        "holds": rounded <= goal,
    }
