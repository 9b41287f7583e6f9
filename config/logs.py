"""What is logged and how: one line an event, without request bodies or query strings."""

import logging
import re
import traceback
from typing import Any

LINK = re.compile(r"(visit/)[\w-]{16,}")


class Line(logging.Formatter):
    """Formats without what must not be kept: links that are permissions, data in errors' texts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the links of patients cut short."""
        return LINK.sub(r"\1…", super().format(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's own name
        """Where it happened and its kind; its text may quote a patient's data."""
        kind, _error, trace = ei
        return f"{''.join(traceback.format_tb(trace))}{kind.__name__}"


def logging_config(level: str) -> dict[str, Any]:
    """A dictConfig that writes to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": Line, "format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Access lines would carry the links that are permissions.
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            # One line a task would bury, at every turn of the clock, what an operator looks for.
            "celery": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "aioice": {"level": "WARNING"},
            "aiortc": {"level": "WARNING"},
            "django.channels.server": {"level": "WARNING"},
            "fhir": {"level": "WARNING"},
        },
    }
