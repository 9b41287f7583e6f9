"""A tone shaped like speech, as an audio track: phrases, syllables, pauses; no words."""

import asyncio
import math
import struct
import time
from fractions import Fraction

from aiortc import MediaStreamTrack
from av import AudioFrame

RATE = 16_000
SAMPLES = RATE // 50
PHRASE_SECONDS = 6
SPEAKING_SECONDS = 2.4
LOUDNESS = 5_000


def phrase() -> bytes:
    """Six seconds of 16-bit mono: some syllables over a falling pitch, then silence."""
    samples, angle = [], 0.0
    for number in range(RATE * PHRASE_SECONDS):
        at = number / RATE
        pitch = 190 - 18 * at + 12 * math.sin(2 * math.pi * 0.8 * at)
        angle += 2 * math.pi * pitch / RATE
        syllable = max(0.0, math.sin(2 * math.pi * 2.1 * at)) if at < SPEAKING_SECONDS else 0.0
        voice = math.sin(angle) + 0.5 * math.sin(2 * angle) + 0.25 * math.sin(5 * angle)
        samples.append(int(LOUDNESS * syllable * voice))
    return struct.pack(f"<{len(samples)}h", *samples)


class VoiceTrack(MediaStreamTrack):
    """The phrase over and over, in frames of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._phrase = phrase()
        self._began = 0.0
        self._sent = 0

    async def recv(self) -> AudioFrame:
        """The next 20 ms, when their time has come."""
        self._began = self._began or time.monotonic()
        await asyncio.sleep(max(0.0, self._began + self._sent / RATE - time.monotonic()))
        frame = AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        start = self._sent * 2 % len(self._phrase)
        frame.planes[0].update(self._phrase[start : start + SAMPLES * 2])
        frame.pts, frame.sample_rate, frame.time_base = self._sent, RATE, Fraction(1, RATE)
        self._sent += SAMPLES
        return frame
