"""A drawn face that blinks and speaks, as a video track: nobody real, recognisably a rehearsal."""

import math
from collections.abc import Iterator
from fractions import Fraction

from aiortc import VideoStreamTrack
from av import VideoFrame

WIDTH, HEIGHT, RATE = 480, 640, 12
CYCLE = 4 * RATE

Colour = tuple[int, int, int]
WALL: Colour = (172, 122, 132)
CURTAIN: Colour = (148, 126, 118)
SKIN: Colour = (176, 108, 152)
HAIR: Colour = (196, 128, 126)
COAT: Colour = (78, 122, 148)
DARK: Colour = (52, 126, 134)
LIPS: Colour = (118, 116, 168)
NOSE: Colour = (160, 110, 156)
BROW: Colour = (150, 128, 128)
RIBBON: Colour = (150, 54, 150)


class Canvas:
    """A picture in YUV 4:2:0 that can be filled with ellipses and rectangles."""

    def __init__(self, source: "Canvas | None" = None) -> None:
        self.planes: list[bytearray] = (
            [bytearray(plane) for plane in source.planes]
            if source
            else [bytearray(WIDTH * HEIGHT), *(bytearray(WIDTH * HEIGHT // 4) for _ in range(2))]
        )

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """Fill the ellipse around (x, y) with the radii (rx, ry), in pixels."""
        for index, value in enumerate(colour):
            scale = 2 if index else 1
            for row in self._rows(y / scale, ry / scale, HEIGHT // scale):
                reach = 1 - ((row - y / scale) / (ry / scale)) ** 2
                half = rx / scale * math.sqrt(max(0.0, reach))
                self._span(index, row, x / scale - half, x / scale + half, value)

    def rectangle(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """Fill the rectangle whose corner is (x, y)."""
        for index, value in enumerate(colour):
            scale = 2 if index else 1
            for row in range(y // scale, (y + height) // scale):
                self._span(index, row, x / scale, (x + width) / scale, value)

    @staticmethod
    def _rows(centre: float, radius: float, limit: int) -> Iterator[int]:
        yield from range(max(0, math.ceil(centre - radius)), min(limit, int(centre + radius) + 1))

    def _span(self, index: int, row: int, left: float, right: float, value: int) -> None:
        width = WIDTH // (2 if index else 1)
        start, end = max(0, round(left)), min(width, round(right))
        if start < end:
            self.planes[index][row * width + start : row * width + end] = bytes((value,)) * (
                end - start
            )

    def frame(self) -> VideoFrame:
        """The picture as a frame of PyAV."""
        made = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, content in zip(made.planes, self.planes, strict=True):
            width = len(content) // (HEIGHT if plane is made.planes[0] else HEIGHT // 2)
            rows = (content[i : i + width] for i in range(0, len(content), width))
            plane.update(b"".join(bytes(row).ljust(plane.line_size, b"\0") for row in rows))
        return made


def background() -> Canvas:
    """What does not move: the room, the coat, the head."""
    canvas = Canvas()
    canvas.rectangle(0, 0, WIDTH, HEIGHT, WALL)
    canvas.rectangle(0, 0, 90, HEIGHT, CURTAIN)
    # The yellow ribbon says from across the room that this is a rehearsal.
    canvas.rectangle(0, HEIGHT - 28, WIDTH, 28, RIBBON)
    canvas.ellipse(240, 640, 210, 190, COAT)
    canvas.rectangle(205, 400, 70, 90, SKIN)
    canvas.ellipse(240, 270, 132, 165, HAIR)
    canvas.ellipse(240, 300, 108, 140, SKIN)
    canvas.rectangle(0, HEIGHT - 28, WIDTH, 28, RIBBON)
    return canvas


def portrait(base: Canvas, step: int) -> Canvas:
    """The face at ``step`` of the cycle: eyes that blink, a mouth that speaks."""
    canvas = Canvas(base)
    blink = step % CYCLE in (5, 6)
    sway = round(4 * math.sin(2 * math.pi * step / CYCLE))
    for x in (198, 282):
        canvas.ellipse(x + sway, 285, 13, 2 if blink else 9, DARK)
        canvas.ellipse(x + sway, 256, 24, 4, BROW)
    canvas.ellipse(240 + sway, 325, 9, 16, NOSE)
    speaking = math.sin(step * 1.9) * math.sin(step * 0.7)
    canvas.ellipse(240 + sway, 378, 30, 4 + 12 * max(0.0, speaking), LIPS)
    return canvas


class PortraitTrack(VideoStreamTrack):
    """The face, 480x640 at 12 frames a second."""

    def __init__(self) -> None:
        super().__init__()
        base = background()
        self._frames = [portrait(base, step).frame() for step in range(CYCLE)]
        self._step = 0

    async def recv(self) -> VideoFrame:
        """The next frame, when its time has come."""
        pts, time_base = await self.next_timestamp()
        # The stock clock ticks 30 times a second; every frame is held until its share has passed.
        while pts * time_base * RATE < self._step:
            pts, time_base = await self.next_timestamp()
        frame = self._frames[self._step % CYCLE]
        frame.pts, frame.time_base = pts, Fraction(time_base)
        self._step += 1
        return frame
