"""A browser's socket without a browser (channels' own needs a server that we do not use)."""

from typing import Any

from asgiref.testing import ApplicationCommunicator

from config.asgi import application

Communicator: Any = ApplicationCommunicator  # asgiref gives its methods no types


class Socket(Communicator):  # type: ignore[misc]
    """One socket of the whole application."""

    def __init__(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        place, _mark, query = path.partition("?")
        scope = {
            "type": "websocket",
            "path": place,
            "query_string": query.encode(),
            "headers": headers,
            "subprotocols": [],
        }
        super().__init__(application, scope)

    async def connect(self) -> int | None:
        """Open; None when accepted, else the code of the refusal."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(5)
        return None if answer["type"] == "websocket.accept" else int(answer["code"])

    async def hear(self) -> Any:
        """The next message's text, or the code with which the socket was closed."""
        answer = await self.receive_output(5)
        return answer["text"] if answer["type"] == "websocket.send" else answer["code"]

    async def quiet(self, seconds: float = 0.4) -> bool:
        """True when nothing comes."""
        return bool(await self.receive_nothing(seconds))

    async def close(self) -> None:
        """Go away."""
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)
