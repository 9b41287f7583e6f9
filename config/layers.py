"""The channel layer of the one-process service."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from channels.layers import InMemoryChannelLayer


class OneLoopLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels has no types
    """An in-memory layer that may be called from any thread.

    The stock layer's queues belong to the server's loop; used from the worker's thread they wake
    it late or never. Here every call is carried out on the loop that first served a socket.
    """

    home: asyncio.AbstractEventLoop | None = None

    async def _at_home(self, work: Coroutine[Any, Any, Any]) -> Any:
        if self.home is None or self.home.is_closed() or asyncio.get_running_loop() is self.home:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.home))

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send to one channel."""
        await self._at_home(super().send(channel, message))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to everyone in a group."""
        await self._at_home(super().group_send(group, message))

    async def group_add(self, group: str, channel: str) -> None:
        """Join; the loop of the first socket becomes the home."""
        if self.home is None or self.home.is_closed():
            self.home = asyncio.get_running_loop()
        await self._at_home(super().group_add(group, channel))

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave."""
        await self._at_home(super().group_discard(group, channel))
