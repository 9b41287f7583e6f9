"""The client: eight connections kept open, one request at a time on each."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Any

from bench.fhir.samples import MRN, bundle, entry, observation, patient
from bench.fhir.service import Service, cpu

CLIENTS = 8
SEEDED = 500
URN = "urn:uuid:00000000-0000-4000-8000-000000000000"
Json = dict[str, Any]


class Load:
    """Makes requests and sends them; a token of its own, which lasts five minutes."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.token = service.token()
        self.ids: list[str] = []
        self.numbers = count()
        self.tag = f"{time.time_ns():x}"

    async def seed(self) -> None:
        """Patients to read and find."""
        entries = [entry(patient(f"seed-{n}")) for n in range(SEEDED)]
        body = await self.each([self.post("", bundle(entries))])
        answers = json.loads(body[0])["entry"]
        self.ids = [answer["response"]["location"].split("/")[-3] for answer in answers]

    def measure(self, request: Callable[[], bytes], number: int) -> float:
        """CPU seconds of the servers for 1,000 of ``request``; context goes to the terminal."""
        service = self.service
        asyncio.run(self.each(request() for _ in range(50)))
        requests = [request() for _ in range(number)]
        before, web, began = service.cpu(), cpu(service.web), time.perf_counter()
        asyncio.run(self.each(requests))
        used, own = service.cpu() - before, cpu(service.web) - web
        wall = time.perf_counter() - began
        print(
            f"  {request.__name__:<12}{number / wall:8.0f} req/s, for 1,000: "
            f"web {1000 * own / number:.2f} s, PostgreSQL {1000 * (used - own) / number:.2f} s"
        )
        return 1000 * used / number

    async def each(self, requests: Iterable[bytes], clients: int = CLIENTS) -> list[bytes]:
        """Send all; the answers. Raises RuntimeError for an answer that is no success."""
        waiting, answers = iter(requests), list[bytes]()

        async def client() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
            for request in waiting:
                writer.write(request)
                answers.append(await answer(reader))
            writer.close()

        running: list[Awaitable[None]] = [client() for _ in range(clients)]
        await asyncio.gather(*running)
        return answers

    def create(self) -> bytes:
        """POST Patient."""
        return self.post("/Patient", patient(f"{self.tag}-{next(self.numbers)}"))

    def read(self) -> bytes:
        """GET Patient/id."""
        return self.get(f"/Patient/{self.ids[next(self.numbers) * 7919 % SEEDED]}")

    def search(self) -> bytes:
        """GET Patient?identifier=system|value."""
        number = next(self.numbers) * 7919 % SEEDED
        return self.get(f"/Patient?identifier={MRN}%7CM-seed-{number}")

    def transaction(self) -> bytes:
        """POST a transaction of one patient and 49 observations."""
        first = entry(patient(f"{self.tag}-{next(self.numbers)}")) | {"fullUrl": URN}
        return self.post("", bundle([first, *(entry(observation(URN, n)) for n in range(49))]))

    def get(self, path: str) -> bytes:
        """A GET under /fhir."""
        return f"GET /fhir{path} HTTP/1.1\r\n{self._headers()}\r\n".encode()

    def post(self, path: str, body: Json | bytes) -> bytes:
        """A POST under /fhir."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = f"Content-Type: application/fhir+json\r\nContent-Length: {len(data)}\r\n"
        return f"POST /fhir{path} HTTP/1.1\r\n{self._headers()}{more}\r\n".encode() + data

    def _headers(self) -> str:
        return f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The body of one answer. Raises RuntimeError when it is no success."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 2"):
        raise RuntimeError(f"{head[:40]!r} {body[:300]!r}")
    return body
