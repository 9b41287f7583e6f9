"""A small web server around the rooms' sockets: a page, the ES modules, fresh tickets."""

import asyncio
import json
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from asgiref.sync import sync_to_async
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

import signaling
from kernel.principal import SYSTEM
from signaling import services
from signaling.models import Room
from signaling.routing import sockets
from tests.signaling.cast import until

STATIC = Path(signaling.__file__).parent / "static"

PAGE = """<!doctype html><meta charset="utf-8"><title>call</title><script type="module">
import { Call } from "/static/signaling/call.js";
import { capture } from "/static/signaling/capture.js";
window.log = [];
window.capture = capture;
window.startCall = async (room, who, options = {}) => {
  const call = new Call();
  for (const name of ["state", "participants", "tracks", "chat", "quality", "error"])
    call.addEventListener(name, (event) => {
      window.log.push([name, name === "participants" ? event.detail.others.size : event.detail]);
      if (name === "tracks") play(event.detail);
    });
  window.call = call;
  const stream = options.silent ? null : await capture();
  const ticket = async () => (await fetch(`/ticket?room=${room}&who=${who}`)).text();
  call.connect(`ws://${location.host}/ws/room/${room}/`, ticket, stream);
};
function play({ id, stream }) {
  let video = document.getElementById(id);
  if (!video) {
    video = Object.assign(document.createElement("video"), { id, autoplay: true });
    document.body.append(video);
  }
  video.srcObject = stream;
  video.play().catch((error) => window.log.push(["play", String(error)]));
}
const made = (window.made = []);
const Stock = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Stock {
  constructor(...more) { super(...more); made.push(this); }
};
window.inbound = async () => {
  const found = [];
  for (const connection of made.filter((c) => c.connectionState === "connected"))
    for (const report of (await connection.getStats()).values())
      if (report.type === "inbound-rtp") found.push({ kind: report.kind,
        decoded: report.framesDecoded, width: report.frameWidth, height: report.frameHeight,
        energy: report.totalAudioEnergy, lost: report.packetsLost, freezes: report.freezeCount });
  return found;
};
window.ready = true;
</script>"""


async def _pages(scope: Any, receive: Any, send: Any) -> None:
    status, kind, body = await _answer(scope)
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(scope: Any) -> tuple[int, str, bytes]:
    if scope["path"] == "/":
        return 200, "text/html", PAGE.encode()
    if scope["path"] == "/ticket":
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        room = await Room.objects.aget(public_id=query["room"])
        who = query["who"]
        return (
            200,
            "text/plain",
            services.issue_ticket(room, who=who, name=who, role="host").encode(),
        )
    file = STATIC / scope["path"].removeprefix("/static/")
    if file.is_file():
        return 200, mimetypes.guess_type(file.name)[0] or "text/plain", file.read_bytes()
    return 404, "application/json", json.dumps({}).encode()


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """The server's host and port, while it runs in this event loop."""
    application = ProtocolTypeRouter(
        {"http": _pages, "websocket": URLRouter([path("ws/", URLRouter(sockets))])}
    )
    config = uvicorn.Config(application, port=0, lifespan="off", log_config=None, ws="websockets")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running
        await services.stop_media()


@sync_to_async
def open_room(purpose: str = "visit:1") -> Room:
    return services.open_room(purpose=purpose, by=SYSTEM)
