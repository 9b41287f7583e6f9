"""What the log must not keep."""

import logging

from config.logs import Line

TOKEN = "ddBptINW2gdESuTEbytzfym8QGpY7jYi"


def line(**more) -> str:
    record = logging.makeLogRecord({"levelname": "WARNING", "name": "django.request", **more})
    return Line("%(levelname)s %(name)s %(message)s").format(record)


def test_a_patients_link_is_cut_short():
    for path in (f"/visit/{TOKEN}/check", f"/ws/visit/{TOKEN}/", f"ws/visit/{TOKEN}"):
        written = line(msg="%s: %s", args=("Unprocessable Entity", path))
        assert TOKEN not in written
        assert "visit/…" in written


def test_an_error_is_logged_with_its_place_and_without_its_text():
    try:
        raise ValueError("Key (phone)=(19900002846) already exists")
    except ValueError as error:
        written = line(msg="Internal Server Error", exc_info=(type(error), error, None))
        placed = line(msg="x", exc_info=(type(error), error, error.__traceback__))
    assert written.endswith("\nValueError")
    assert "19900002846 already" not in placed.splitlines()[-1]
    assert "test_logs.py" in placed
