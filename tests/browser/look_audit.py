"""What a browser can say about any page of the product: contrast, sizes, names, overflow.

``findings(page)`` works on every page that a test has open, drawn from samples or from the service.
"""

from pathlib import Path
from typing import Any

AUDIT = Path(__file__).with_suffix(".js").read_text()

LEAST = {
    "console": {"text": 12, "target": 24},
    "patient": {"text": 16, "target": 44},
}


def findings(page: Any) -> list[str]:
    """What is wrong with the page that ``page`` (of Playwright) shows; empty when nothing is."""
    surface = page.evaluate("document.documentElement.dataset.surface")
    found: list[str] = page.evaluate(AUDIT, LEAST[surface])
    return found


def focus_is_seen(page: Any) -> bool:
    """True when the element that Tab reached, if any, has an outline of at least 2 px."""
    page.keyboard.press("Tab")
    width: float = page.evaluate(
        """() => {
          if (document.activeElement === document.body) return 2;
          const style = getComputedStyle(document.activeElement);
          return style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);
        }"""
    )
    return width >= 2
