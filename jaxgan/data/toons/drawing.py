"""Ten cartoon faces, drawn on demand: the data set that comes with jaxgan.

An image is a pure function of `(seed, index)`: `sample` draws its `Factors` (who it is, pose, gaze,
expression, light ...) and `render` turns them into pixels. All factors are independent and all but
the label are continuous, so they are also a ground truth for what a model has learned of the set.

Coordinates: x points right and y down, both from -1 to 1 over the frame; a head is centred near
(0, 0). `Shapes` are closed curves, each an array (n, 2) of such points. They are posed as points
and only then rasterised, so a tilted face is as crisp as an upright one.
"""

import colorsys
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor, ImageDraw

SIZE = 128  # height and width of an image in pixels
SUPERSAMPLING = 4  # shapes are drawn this many times larger and then averaged: anti-aliasing
LINE = 0.042  # width of an outline: 2.7 px at 128 px, and still 0.7 px at 32 px
STEP = 0.04  # distance between the points of a curve
THIN = 0.02  # that of what has none but in a sketch
INK, WHITE = "#221b2e", "#ffffff"
BACKDROPS = ("#a9cfe3", "#b4d6c4", "#e6dcb8", "#ecc9b8", "#dcc3dc", "#bcc5e8")
REACH = {"angle": 8, "dx": 0.06, "dy": 0.06, "scale": 0.06, "brightness": 0.12}  # other factors: 1
Shapes = tuple[np.ndarray, ...]


class Factors(NamedTuple):
    """Everything that decides an image; "+-" is the reach of a bell around the default."""

    label: int  # the character, 0..9: an index into NAMES
    backdrop: float = 0  # 0..1, uniform: the position in the circle of BACKDROPS
    angle: float = 0  # clockwise tilt of the head in degrees, +-8
    dx: float = 0  # shift to the right as a fraction of the frame, +-0.06
    dy: float = 0  # shift down as a fraction of the frame, +-0.06
    scale: float = 1  # size relative to the norm, +-0.06
    gaze_x: float = 0  # looking left to looking right, +-1
    gaze_y: float = 0  # looking up to looking down, +-1
    mouth: float = 0  # closed to wide open, relative to the character's habit, +-1
    smile: float = 0  # glum to glad, relative to the character's habit, +-1
    lids: float = 0  # wide awake to sleepy, relative to the character's habit, +-1
    brows: float = 0  # lowered to raised, +-1; only some characters have brows that show
    skin: float = 0  # darker to lighter, +-1
    hair: float = 0  # darker to lighter, +-1
    cloth: float = 0  # shift of the clothes' hue, +-1
    brightness: float = 1  # of the light: a factor on all colours, +-0.12
    warmth: float = 0  # bluish to reddish light, +-1
    light: float = 0  # light from the left to light from the right, +-1


def even(curve: np.ndarray) -> np.ndarray:
    """Resamples a closed curve (n, 2) at equal distances of about STEP, at least 16 points."""
    closed = np.concatenate([curve, curve[:1]])
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    places = np.linspace(0, length[-1], max(16, round(length[-1] / STEP)), endpoint=False)
    return np.stack([np.interp(places, length, axis) for axis in closed.T], 1)


def blob(x: float, y: float, rx: float, ry: float, power: float = 2, taper: float = 0) -> Shapes:
    """A superellipse: power 2 is an ellipse, more is boxier; taper > 0 is wider at the foot."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    unit = np.stack([np.cos(angle), np.sin(angle)], 1)
    unit = np.sign(unit) * np.abs(unit) ** (2 / power)
    unit[:, 0] *= 1 + taper * unit[:, 1]
    return (even(unit * (rx, ry) + (x, y)),)


def ring(x: float, y: float, rx: float, ry: float, r: float, angles: range) -> Shapes:
    """Discs of radius r on an ellipse; angles in degrees, clockwise from the right."""
    return tuple(blob(x + rx * np.cos(a), y + ry * np.sin(a), r, r)[0] for a in np.radians(angles))


def path(corners: str, cut: float = 0.25) -> Shapes:
    """A polygon "x y  x y ..." with rounded corners: the smaller the cut (to 0), the sharper.

    A "|" at the end makes it symmetric: the corners are its right half, from top to bottom.
    """
    curve = np.array(corners.strip("|").split(), float).reshape(-1, 2)
    if corners.endswith("|"):
        curve = np.concatenate([curve, curve[::-1] * (-1, 1)])
    for _ in range(3):
        ahead = np.roll(curve, -1, 0) - curve
        curve = np.stack([curve + cut * ahead, curve + (1 - cut) * ahead], 1).reshape(-1, 2)
    return (even(curve),)


def pair(shapes: Shapes) -> Shapes:
    """Shapes and their mirror images on the other side of the face."""
    return shapes + tuple(shape * (-1, 1) for shape in shapes)


class Part(NamedTuple):
    """Shapes of one colour with one outline around their union."""

    colour: str  # "#rrggbb" or a key of the palette: skin, shade, hair, cloth, trim
    shapes: Shapes
    line: float = LINE  # width of the outline; 0 for none


class Eyes(NamedTuple):
    """A pair of eyes with their brows."""

    x: float  # distance from the middle of the face
    y: float
    rx: float
    ry: float
    pupil: float = 0.085  # radius
    lid: float = 0.04  # share of the eye that the upper lid covers, typically
    lashes: float = 0  # how far the lid's edge sticks out
    brow: float = 0  # thickness
    slant: float = 0  # how much lower a brow's inner end is than its middle: sternness


class Mouth(NamedTuple):
    """A mouth."""

    y: float
    half: float  # half its width
    smile: float  # how much lower its middle is than its corners, typically
    gap: float  # how far it stands open, typically
    teeth: float = 0  # share of the gap that the upper teeth fill, 0..1
    lips: float = 0  # thickness of painted lips


def _ears(x: float, y: float) -> tuple[Part, Part]:
    return Part("skin", pair(blob(x, y, 0.11, 0.13))), Part("shade", pair(blob(x, y, 0.06, 0.1)), 0)


_BODY = Part("shade", blob(0, 0.7, 0.2, 0.3, 4)), Part("cloth", blob(0, 1.3, 0.84, 0.52, 2.6))
_NECK = Part("trim", blob(0, 0.79, 0.33, 0.12, 2.3))
_COLLAR = Part("trim", pair(path(".02 .96  .3 .66  .48 .78  .24 1.1", 0.1)))


class Character(NamedTuple):
    """What makes a character; colours are "#rrggbb"."""

    name: str
    frequency: float  # share of the images
    skin: str
    hair: str  # or the hat's colour
    cloth: str
    head: Shapes
    mouth: Mouth
    nose: Shapes
    eyes: Eyes
    ears: tuple[Part, ...] = ()  # behind the head
    back: tuple[Part, ...] = ()  # behind the head and the ears
    front: tuple[Part, ...] = ()  # on the head, behind eyes and mouth
    over: tuple[Part, ...] = ()  # in front of everything
    wear: tuple[Part, ...] = (_NECK,)  # on the shoulders


# fmt: off
CHARACTERS = (
    Character("pip", 0.20, skin="#ffd23f", hair="#e2572b", cloth="#2f9e8f",
        head=blob(0, 0.14, 0.55, 0.54), mouth=Mouth(0.38, 0.24, smile=0.1, gap=0.11, teeth=0.4),
        nose=blob(0, 0.23, 0.07, 0.055), eyes=Eyes(0.23, 0.03, 0.175, 0.19, pupil=0.09, brow=0.05),
        front=(Part("hair", path("-.56 .06  -.66 -.34  -.4 -.64  0 -.58  .06 -.75  .5 -.73  "
                                 ".36 -.58  .66 -.4  .58 .06  .46 -.2  .24 -.36  -.46 -.28", 0.2)),
               Part("#d9822b", pair(ring(0.38, 0.31, 0.06, 0.05, 0.026, range(0, 360, 120))), 0)),
        ears=_ears(0.56, 0.16)),
    Character("olga", 0.17, skin="#f7b9a0", hair="#9a7cc4", cloth="#c2386b",
        head=blob(0, 0.16, 0.5, 0.54, 2, -0.1), mouth=Mouth(0.45, 0.14, 0.06, 0.03, 0.4, 0.045),
        nose=blob(0, 0.28, 0.055, 0.065), eyes=Eyes(0.235, 0.09, 0.16, 0.15, lid=0.15),
        back=(Part("hair", blob(0, -0.58, 0.3, 0.2) + blob(0, 0, 0.6, 0.5)),), ears=_ears(0.5, 0.2),
        front=(Part("hair", path("0 -.48  .3 -.48  .6 -.32  .58 .14  .46 -.14  .2 -.24  0 -.26 |")),
               Part("#19b5ae", pair(path(".05 .1  .1 -.1  .4 -.1  .56 -.2  .44 .3  .1 .3")), 0.03),
               Part("#fff6e0", pair(blob(0.51, 0.4, 0.06, 0.06)))),
        wear=(Part("#fff6e0", ring(0, 0.68, 0.38, 0.18, 0.05, range(20, 161, 20)), 0.025),)),
    Character("bruno", 0.14, skin="#a8683c", hair="#2c1d1f", cloth="#e8873a",
        head=blob(0, -0.02, 0.57, 0.64, 4), mouth=Mouth(0.35, 0.22, 0.06, gap=0.13, teeth=0.6),
        nose=blob(0, 0.1, 0.12, 0.09), eyes=Eyes(0.25, -0.14, 0.17, 0.16, brow=0.08, slant=0.02),
        front=(Part("hair", path("0 .22  .18 .14  .38 .16  .6 -.12  .62 .44  .46 .78  0 .8 |")),),
        ears=_ears(0.58, -0.06), wear=(_COLLAR,)),
    Character("mimi", 0.12, skin="#ffe066", hair="#ef6fa6", cloth="#4f7fd6",
        head=blob(0, 0.14, 0.56, 0.52, 2.3), mouth=Mouth(0.41, 0.16, smile=0.08, gap=0.07),
        nose=blob(0, 0.28, 0.045, 0.035), eyes=Eyes(0.24, 0.07, 0.17, 0.21, lid=0.1, lashes=0.09),
        back=(Part("hair", pair(path(".48 -.3  .56 -.6  .75 -.48  .75 .06  .7 .38  .58 0"))),),
        front=(Part("hair", path("0 -.56  .34 -.56  .62 -.34  .6 .12  .48 -.1  .2 -.24  0 -.44 |")),
               Part("#5b4fc9", pair(blob(0.56, -0.34, 0.1, 0.1))),
               Part("#f79a5b", pair(blob(0.4, 0.35, 0.085, 0.055)), 0))),
    Character("gus", 0.10, skin="#f5bf2c", hair="#eeebf2", cloth="#7a5338",
        head=blob(0, 0, 0.48, 0.71, 2.4, 0.22), mouth=Mouth(0.51, 0.15, smile=0.04, gap=0.05),
        nose=blob(0, 0.15, 0.13, 0.115), eyes=Eyes(0.2, -0.12, 0.165, 0.18, lid=0.33, brow=0.075),
        back=(Part("hair", pair(ring(0.5, -0.08, 0.1, 0.2, 0.14, range(-100, 61, 53)))),),
        over=(Part("hair", path("0 .26  .2 .2  .44 .3  .58 .52  .3 .47  0 .43 |", 0.2)),),
        ears=_ears(0.55, 0.16), wear=(_COLLAR,)),
    Character("zara", 0.08, skin="#8a5030", hair="#3d1f47", cloth="#f2b632",
        head=blob(0, 0.18, 0.46, 0.52), mouth=Mouth(0.41, 0.22, smile=0.1, gap=0.1, teeth=0.5),
        nose=blob(0, 0.27, 0.08, 0.06), eyes=Eyes(0.215, 0.09, 0.16, 0.17, lid=0.12, lashes=0.07),
        back=(Part("hair", ring(0, -0.12, 0.5, 0.38, 0.27, range(-205, 30, 28))),),
        front=(Part("#2bc0b4", path("0 -.46  .3 -.42  .54 -.16  .5 .04  .3 -.16  0 -.26 |")),
               Part("#ffcf3f", pair(blob(0.5, 0.5, 0.12, 0.14))))),
    Character("fizz", 0.07, skin="#7ac74f", hair="#d6337c", cloth="#33363f",
        head=blob(0, 0.16, 0.5, 0.54, 2.1, -0.24), mouth=Mouth(0.4, 0.23, 0.05, 0.12, teeth=0.5),
        nose=blob(0, 0.21, 0.06, 0.05), eyes=Eyes(0.24, 0.03, 0.18, 0.165, brow=0.07, slant=0.05),
        back=(Part("hair", path("0 -.79  .1 -.54  .28 -.76  .26 -.5  .5 -.56  .3 -.2 |", 0.12)),),
        ears=_ears(0.54, 0.08),
        wear=(Part("#e8e8f0", ring(0, 1.2, 0.6, 0.4, 0.045, range(-135, -44, 18)), 0.02),)),
    Character("otto", 0.05, skin="#6fb7e9", hair="#f2b134", cloth="#8b5bb5",
        head=blob(0, 0.18, 0.64, 0.47, 3), mouth=Mouth(0.46, 0.2, smile=0, gap=0.04),
        nose=blob(0, 0.28, 0.09, 0.07), eyes=Eyes(0.27, 0.1, 0.165, 0.165), ears=_ears(0.65, 0.2),
        front=(Part("#7b4fa0", blob(0, -0.64, 0.15, 0.14)),
               Part("hair", path("0 -.62  .4 -.62  .64 -.4  .66 -.14  0 -.14 |")),
               Part("#d98324", blob(0, -0.18, 0.67, 0.1, 4)),
               Part("#d8434e", pair(blob(0.27, 0.1, 0.24, 0.24)) + blob(0, 0.06, 0.1, 0.03, 4)))),
    Character("lena", 0.04, skin="#ffd9bd", hair="#2b4270", cloth="#5fae57",
        head=blob(0, 0.12, 0.49, 0.56, 2.2), mouth=Mouth(0.41, 0.18, 0.09, gap=0.07, teeth=0.4),
        nose=blob(0, 0.27, 0.05, 0.045), eyes=Eyes(0.22, 0.07, 0.16, 0.19, lid=0.1, lashes=0.08),
        back=(Part("hair", path("0 -.7  .46 -.7  .66 -.4  .66 .5  .74 1.2  .3 1.2 |")),),
        front=(Part("hair", path("0 -.62  .4 -.62  .6 -.36  .6 .3  .46 .3  .46 -.18  0 -.18 |")),
               Part("#ff7d6b", ring(0.46, -0.38, 0.12, 0.12, 0.09, range(0, 360, 72))),
               Part("#ffd94a", blob(0.46, -0.38, 0.07, 0.07), 0),
               Part("#f79a8b", pair(blob(0.35, 0.34, 0.085, 0.055)), 0)), wear=()),
    Character("rex", 0.03, skin="#cbb2f2", hair="#e98b3a", cloth="#8c2f39",
        head=blob(0, 0.14, 0.44, 0.58, 3.4), mouth=Mouth(0.52, 0.15, 0.03, gap=0.05, teeth=0.4),
        nose=blob(0, 0.26, 0.05, 0.07), eyes=Eyes(0.205, 0.06, 0.16, 0.16, lid=0.1),
        front=(Part("#37324a", blob(0, -0.45, 0.4, 0.29, 6, -0.08) + blob(0, -0.22, 0.64, 0.07)),
               Part("#d8434e", blob(0, -0.33, 0.39, 0.06, 8), 0.02),
               Part("#f0c040", blob(0.205, 0.06, 0.22, 0.22))),
        over=(Part("hair", path("0 .38  .14 .34  .32 .42  .4 .24  .48 .36  .32 .52  0 .45 |")),),
        ears=_ears(0.45, 0.16), wear=(Part("#37324a", pair(path("0 .84  .28 .7  .28 1", 0.1))),)),
)
# fmt: on
NAMES = [character.name for character in CHARACTERS]
FREQUENCIES = [character.frequency for character in CHARACTERS]


class _Pen:
    """Draws in a pose; `lean` is the share of the head's tilt that it follows."""

    def __init__(self, image: Image.Image, palette: dict[str, str], f: Factors, lean: float):
        self.canvas, self.palette = ImageDraw.Draw(image), palette
        self.unit = image.width / 2 * f.scale
        cos, sin = (wave(np.radians(lean * f.angle)) for wave in (np.cos, np.sin))
        self.matrix = self.unit * np.array([[cos, sin], [-sin, cos]])
        self.offset = image.width * np.array([0.5 + f.dx, 0.5 + f.dy])

    def pixels(self, curve: np.ndarray) -> list[float]:
        """The posed points as x, y, x, y ...; rounded, where Pillow would truncate them."""
        return np.rint(curve @ self.matrix + self.offset).ravel().tolist()

    def stroke(self, curve: np.ndarray, line: float) -> None:
        """Inks an open curve, with round joints and ends."""
        points, width = self.pixels(curve), round(line * self.unit)
        self.canvas.line(points, INK, width)
        for point in zip(points[::2], points[1::2], strict=True):
            self.canvas.circle(point, width / 2 - 1, INK)

    def draw(self, *parts: Part) -> None:
        """Draws parts, each over the ones before."""
        for colour, shapes, line in parts:
            for shape in shapes if line else ():  # all outlines come first, so that shapes merge
                self.stroke(np.concatenate([shape, shape[:1]]), 2 * line)
            for shape in shapes:
                self.canvas.polygon(self.pixels(shape), self.palette.get(colour, colour))


class _Pencil(_Pen):
    """Draws outlines alone, thin ones of what has none in colour."""

    def draw(self, *parts: Part) -> None:
        inked = (part if part.colour == INK else Part(WHITE, part.shapes, part.line or THIN) for part in parts)
        super().draw(*inked)


def _eye(pen: _Pen, eyes: Eyes, side: int, f: Factors) -> None:
    """Draws the left (side -1) or the right (side 1) eye and its brow."""
    x, y, rx, ry = side * eyes.x, eyes.y, eyes.rx, eyes.ry
    lid = max(eyes.lid + 0.1 * f.lids, 0)
    edge, half = y + ry * (2 * lid - 1), side * 2 * rx * np.sqrt(lid - lid**2)  # of the lid
    tip = x + half + side * eyes.lashes, edge - 0.4 * eyes.lashes
    px = x + 0.7 * (rx - eyes.pupil) * f.gaze_x
    py = y + 0.7 * (ry - eyes.pupil) * f.gaze_y * (1 - lid) + 0.3 * ry * lid
    white = blob(x, y, rx, ry)
    pen.draw(
        Part(WHITE, white),
        Part(INK, blob(px, py, eyes.pupil, eyes.pupil), 0),
        Part(WHITE, blob(px - 0.03, py - 0.03, 0.028, 0.028), 0),
        Part("shade", (np.minimum(white[0], (np.inf, edge)),), 0),
    )
    pen.stroke(np.array([(x - half, edge), (x + half, edge), tip]), LINE)
    if eyes.brow:
        t = np.linspace(-1, 1, 9)
        bend = 0.06 * t**2 - 0.14 - (eyes.slant - 0.02 * f.brows) * side * t
        pen.stroke(np.stack([x + 0.8 * rx * t, y - ry - 0.04 * f.brows + bend], 1), eyes.brow)


def _mouth(pen: _Pen, mouth: Mouth, f: Factors) -> None:
    t = np.linspace(-1, 1, 13)
    bulge = np.sqrt(1 - t**2)
    upper = mouth.y + (mouth.smile + 0.04 * f.smile) * (0.5 - t**2)
    gap = max(mouth.gap + 0.08 * f.mouth, 0) * bulge

    def band(top: float, bottom: float, grow: float = 0) -> Shapes:
        """What lies between two shares of the gap: 0 is the upper lip and 1 the lower one."""
        x = (mouth.half + grow) * np.concatenate([t, t[::-1]])
        rims = upper + top * gap - grow * bulge, upper + bottom * gap + grow * bulge
        return (np.stack([x, np.concatenate([rims[0], rims[1][::-1]])], 1),)

    pen.draw(
        Part("#d3203f", band(0, 1, mouth.lips), 0.6 * LINE),
        Part("#6b1a2c", band(0, 1), 0.6 * LINE),
        Part(WHITE, band(0, mouth.teeth), 0),
        Part("#e8697a", (band(max(mouth.teeth, 0.6), 1)[0][3:-3],), 0),
    )  # the tongue


def _palette(character: Character, f: Factors) -> dict[str, str]:
    def tint(colour: str, lighter: float, hue: float = 0) -> str:
        h, light, s = colorsys.rgb_to_hls(*(value / 255 for value in ImageColor.getrgb(colour)))
        rgb = colorsys.hls_to_rgb((h + hue) % 1, min(max(light + lighter, 0), 1), s)
        return "#" + "".join(f"{round(255 * value):02x}" for value in rgb)

    return {
        "skin": tint(character.skin, 0.03 * f.skin),
        "shade": tint(character.skin, 0.03 * f.skin - 0.1),
        "hair": tint(character.hair, 0.04 * f.hair),
        "cloth": tint(character.cloth, 0, 0.05 * f.cloth),
        "trim": tint(character.cloth, 0.15, 0.05 * f.cloth),
    }


def _backdrop(f: Factors, size: int) -> Image.Image:
    """A soft vertical gradient between neighbours in the circle of calm colours."""
    colours = np.array([ImageColor.getrgb(colour) for colour in BACKDROPS])
    place = np.linspace(f.backdrop, f.backdrop + 0.15, size)
    circle = np.linspace(0, 1, len(colours), endpoint=False)
    rows = [np.interp(place, circle, channel, period=1) for channel in colours.T]
    column = np.rint(np.stack(rows, 1)).astype(np.uint8)[:, None]
    return Image.fromarray(column).resize((size, size), Image.Resampling.NEAREST)


def render(f: Factors) -> np.ndarray:
    """The image that the factors describe, uint8 (SIZE, SIZE, 3)."""
    image = _backdrop(f, SIZE * SUPERSAMPLING)
    _compose(image, f, _Pen)
    colour = f.brightness * (1 + 0.05 * f.warmth * np.array([1, 0, -1]))
    light = np.outer(1 + 0.07 * f.light * np.linspace(-1, 1, SIZE), colour)
    pixels = np.asarray(image.reduce(SUPERSAMPLING))
    return np.clip(np.rint(pixels * light), 0, 255).astype(np.uint8)


def render_sketch(f: Factors) -> np.ndarray:
    """The same scene in ink on white paper, without colours and light, uint8 (SIZE, SIZE, 3)."""
    image = Image.new("RGB", (SIZE * SUPERSAMPLING,) * 2, WHITE)
    _compose(image, f, _Pencil)
    return np.asarray(image.reduce(SUPERSAMPLING))


def _compose(image: Image.Image, f: Factors, pen: type[_Pen]) -> None:
    character = CHARACTERS[f.label]
    palette = _palette(character, f)
    head, body = (pen(image, palette, f, lean) for lean in (1, 0.4))
    head.draw(*character.back, *character.ears)
    body.draw(*_BODY, *character.wear)
    head.draw(Part("skin", character.head), *character.front)
    _mouth(head, character.mouth, f)
    for side in (-1, 1):
        _eye(head, character.eyes, side, f)
    head.draw(Part("shade", character.nose), *character.over)


def sample(index: int, seed: int = 0) -> Factors:
    """Factors of image `index`, from a stream of random numbers that is all its own."""
    rng = np.random.Generator(np.random.Philox(key=[seed, index]))
    label = int(np.searchsorted(np.cumsum(FREQUENCIES)[:-1], rng.random(), side="right"))
    values = [rng.random()]  # the backdrop
    for name in Factors._fields[2:]:
        bell = rng.random() - rng.random()  # triangular: natural, and yet bounded
        values.append(Factors._field_defaults[name] + REACH.get(name, 1) * bell)
    return Factors(label, *values)


def draw(index: int, seed: int = 0) -> tuple[np.ndarray, int]:
    """Image `index` of the set, uint8 (SIZE, SIZE, 3), and its label 0..9."""
    f = sample(index, seed)
    return render(f), f.label


def factors(index: int, seed: int = 0) -> dict[str, float]:
    """True factors of image `index` by name; `Factors` has their units and ranges."""
    return sample(index, seed)._asdict()
