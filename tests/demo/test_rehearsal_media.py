"""The rehearsal patient's picture moves and its voice has syllables and pauses."""

import struct

from demo.portrait import CYCLE, HEIGHT, WIDTH, PortraitTrack, background, portrait
from demo.voice import PHRASE_SECONDS, RATE, SAMPLES, VoiceTrack, phrase


def test_the_face_moves():
    base = background()
    pictures = {bytes(portrait(base, step).planes[0]) for step in range(CYCLE)}
    assert len(pictures) > CYCLE // 2


async def test_frames_have_the_announced_size_and_rise_in_time():
    track = PortraitTrack()
    frames = [await track.recv() for _ in range(3)]
    assert {(f.width, f.height, f.format.name) for f in frames} == {(WIDTH, HEIGHT, "yuv420p")}
    times = [f.pts * f.time_base for f in frames]
    assert times == sorted(set(times))


def test_the_voice_speaks_and_pauses():
    samples = struct.unpack(f"<{RATE * PHRASE_SECONDS}h", phrase())
    loud = [max(map(abs, samples[i : i + SAMPLES])) for i in range(0, len(samples), SAMPLES)]
    assert max(loud) > 4_000
    assert loud[-1] == 0
    assert min(loud[: RATE // SAMPLES]) < 500


async def test_sound_comes_in_frames_of_20_ms():
    track = VoiceTrack()
    first, second = await track.recv(), await track.recv()
    assert (first.samples, first.sample_rate) == (SAMPLES, RATE)
    assert second.pts - first.pts == SAMPLES
