"""The channel layers of both profiles carry messages, from any thread."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from config.layers import OneLoopLayer


@pytest.mark.embedded
async def test_the_profile_s_layer_delivers_to_a_group():
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    await layer.group_send("g", {"type": "x", "n": 1})
    assert (await asyncio.wait_for(layer.receive(channel), 5))["n"] == 1


async def test_the_embedded_layer_takes_messages_from_another_thread_and_loses_none():
    layer = OneLoopLayer(capacity=500)
    channel = await layer.new_channel()
    await layer.group_add("g", channel)

    def send() -> None:
        for number in range(100):
            async_to_sync(layer.group_send)("g", {"type": "x", "n": number})

    thread = threading.Thread(target=send)
    thread.start()
    got = [(await asyncio.wait_for(layer.receive(channel), 5))["n"] for _ in range(100)]
    await asyncio.to_thread(thread.join)
    assert got == list(range(100))
