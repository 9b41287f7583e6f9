"""What is logged and how: one line an event, without request bodies or query strings."""

from typing import Any


def logging_config(level: str) -> dict[str, Any]:
    """A dictConfig that writes to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Access lines would carry the links that are permissions.
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "aioice": {"level": "WARNING"},
            "aiortc": {"level": "WARNING"},
            "django.channels.server": {"level": "WARNING"},
            "fhir": {"level": "WARNING"},
        },
    }
