"""Rooms with real clients: encrypted media over UDP through a real node."""

import asyncio
import gc
from functools import partial
from pathlib import Path

import pytest

from signaling.media.node import Node
from signaling.media.transport import MediaTransport
from tests.signaling.cast import LossyWire, NodeWire, entrant, sees, until


async def test_two_see_and_hear_each_other(node, arrive):
    lin, zhao = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    assert node.stats.packets_out > 50
    assert node.stats.unprotect_failed == node.stats.malformed == 0
    await lin.close()
    await until(lambda: lin.you.id not in zhao.others)
    await zhao.close()
    await until(lambda: node.rooms == [])


async def test_whoever_comes_third_sees_both_and_is_seen(node, arrive):
    first, second = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(first, second))
    third = await arrive("chen")
    everyone = [first, second, third]
    await until(lambda: all(sees(a, b) for a in everyone for b in everyone if a is not b))
    await second.close()
    fourth = await arrive("wang")
    # The m-lines of whoever left are used again, for somebody else.
    everyone = [first, third, fourth]
    await until(lambda: all(sees(a, b) for a in everyone for b in everyone if a is not b))
    assert set(fourth.others) == {person.you.id for person in (first, third)}


async def test_six_are_together_and_the_seventh_is_told_that_the_room_is_full(node, arrive):
    names = ["lin", "zhao", "chen", "wang", "li", "sun"]
    everyone = [await arrive(name) for name in names]
    await until(
        lambda: all(sees(a, b) for a in everyone for b in everyone if a is not b), within=60
    )
    with pytest.raises(ConnectionError, match="full"):
        await arrive("wu")


async def test_whoever_joins_again_replaces_themselves(node, arrive):
    lin, zhao = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    zhao_again = await arrive("zhao")
    assert zhao_again.you.id == zhao.you.id
    await zhao.closed.wait()
    assert zhao.reason == "replaced"
    before = lin.frames[zhao.you.id, "video"]
    await until(lambda: sees(zhao_again, lin))
    await until(lambda: lin.frames[zhao.you.id, "video"] > before + 5)
    assert len(node.participants("r")) == 2


async def test_a_restart_brings_broken_media_back(node, arrive):
    lin, zhao = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    await zhao.restart()
    lin.frames.clear()
    zhao.frames.clear()
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    assert not zhao.closed.is_set()


async def test_the_room_mends_a_dead_transport_unasked(node, arrive):
    lin, zhao = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    peer = node._rooms["r"].peers[1]
    for broken in ("uplink", "downlink"):
        getattr(peer, broken).transport.close()
        lin.frames.clear()
        zhao.frames.clear()
        await until(lambda: sees(lin, zhao) and sees(zhao, lin))
    assert not lin.errors and not zhao.errors


async def test_presence_follows_the_media_not_the_socket(node, arrive):
    wires = []

    def keep(wire: NodeWire) -> NodeWire:
        wires.append(wire)
        return wire

    lin = await arrive("lin", wrap=keep)
    assert wires[0].presence == []
    await until(lambda: wires[0].presence == [True])
    await lin.close()
    assert wires[0].presence == [True, False]


async def test_two_percent_loss_both_ways_is_repaired(node, arrive):
    lossy = []

    def through_bad_line(wire: NodeWire) -> LossyWire:
        lossy.append(LossyWire(wire, 0.02))
        return lossy[-1]

    lin = await arrive("lin")
    zhao = await arrive("zhao", wrap=through_bad_line)
    await until(lambda: sees(lin, zhao, pictures=120) and sees(zhao, lin, pictures=120), within=60)
    await until(lambda: node.stats.recovered > 2 and node.stats.retransmitted > 2, within=60)
    assert sum(relay.lost for relay in lossy[0].relays) > 10


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_twenty_calls_leave_nothing_behind(node, arrive):
    lin = await arrive("lin")
    files, tasks = 0, 0
    for turn in range(20):
        zhao = await arrive("zhao")
        await until(partial(sees, lin, zhao, pictures=1, sounds=1))
        await zhao.close()
        lin.frames.clear()
        await until(lambda: len(node.participants("r")) == 1)
        if turn == 1:
            files, tasks = open_files(), len(asyncio.all_tasks())
    await until(lambda: len(asyncio.all_tasks()) <= tasks + 2)
    assert open_files() <= files + 2
    gc.collect()
    alive = [
        # By type(): isinstance would wake lazy objects that other tests left behind.
        found
        for found in gc.get_objects()
        if type(found) is MediaTransport and found.state != "closed"
    ]
    assert len(alive) == 2
    await lin.close()


async def test_closing_the_room_and_closing_the_node_send_everybody_away(node, arrive):
    lin, zhao = await arrive("lin"), await arrive("zhao", room="other")
    node.close_room("r")
    await lin.closed.wait()
    await node.close()
    await node.close()
    await zhao.closed.wait()
    assert (lin.reason, zhao.reason) == ("closed", "rejoin")


async def test_a_chat_line_reaches_everybody_including_whoever_said_it(node, arrive):
    heard = []
    lin, zhao = await arrive("lin"), await arrive("zhao")
    for client in (lin, zhao):
        client._on_chat = lambda who, text: heard.append((who, text))
    await lin.say("您好")
    await until(lambda: len(heard) == 2)
    assert heard == [(lin.you.id, "您好")] * 2


async def test_a_chosen_port_range_is_kept_to():
    nodes = [Node(addresses=["127.0.0.1"], ports=(47010, 47011)) for _ in range(3)]
    await nodes[0].start()
    await nodes[1].start()
    assert [n.listening[0][1] for n in nodes[:2]] == [47010, 47011]
    with pytest.raises(OSError):
        await nodes[2].start()
    for node in nodes:
        await node.close()


async def test_one_who_never_answers_holds_nobody_up(node, arrive):
    silent = NodeWire(node, "r", entrant("wu"))
    lin, zhao = await arrive("lin"), await arrive("zhao")
    await until(lambda: sees(lin, zhao))
    assert silent.presence == []
