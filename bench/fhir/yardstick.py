"""How fast this machine is now: a fixed piece of work, measured beside the figures."""

import json
import time

import psycopg

from bench.fhir.samples import patient
from bench.fhir.service import Service

TIMES = 1000


def measure(service: Service) -> float:
    """CPU seconds, ours and PostgreSQL's, for 1,000 times ``json.loads`` and one indexed SELECT."""
    text = json.dumps(patient("yardstick"))
    with psycopg.connect(service.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS yardstick (id int PRIMARY KEY, t text)")
        connection.execute("INSERT INTO yardstick SELECT 1, 'x' ON CONFLICT DO NOTHING")
        before, server = time.process_time(), service.cpu()
        for _ in range(TIMES):
            json.loads(text)
            connection.execute("SELECT t FROM yardstick WHERE id = %s", [1], prepare=True)
        return time.process_time() - before + service.cpu() - server
