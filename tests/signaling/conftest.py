"""A node, and people who come to it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from signaling.media.node import Node
from tests.signaling.cast import Cast


@pytest_asyncio.fixture
async def node() -> AsyncIterator[Node]:
    node = Node(addresses=["127.0.0.1"])
    await node.start()
    yield node
    await node.close()


@pytest_asyncio.fixture
async def arrive(node: Node) -> AsyncIterator[Cast]:
    cast = Cast(node)
    yield cast
    await cast.leave()
