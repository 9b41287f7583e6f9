"""What a figure is."""

from typing import Any

Json = dict[str, Any]


def figure(value: float, goal: float, unit: str) -> Json:
    """One figure of which less is better."""
    rounded = round(value, 2)
    return {
        **{"value": rounded, "goal": goal, "unit": unit, "better": "lower"},
        "holds": rounded <= goal,
    }
