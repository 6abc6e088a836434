"""A run's pictures, inside the page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.reporting.reading import Remarks
from jaxgan.reporting.runs import Run

FEWEST, MOST = 3, 24  # grids of a run
GRIDS = 96  # of all runs, as far as each has its fewest, so that the page can be sent
WIDEST = 1024  # pixels to which larger pictures are reduced
QUALITY = 88  # of WebP: a fifth of the PNG's size without visible loss


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI, with its size in pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Grid:
    """The samples at one step."""

    step: int
    picture: Picture


@dataclass(frozen=True)
class Grids:
    """What the page shows of a run's samples."""

    shown: list[Grid]
    real: Picture | None  # the real images that stand beside the untrained samples
    count: int  # of all the run's grids


def grids_each(runs: int) -> int:
    """Returns how many grids each of so many runs may have on the page."""
    return min(MOST, max(FEWEST, GRIDS // runs))


def grids(run: Run, most: int, remarks: Remarks) -> Grids:
    """Returns at most so many grids, spread evenly over the training, with the first and the last that can be read."""
    read = [(step, _open(run.samples[step], remarks)) for step in spread(list(run.samples), most)]
    read = [(step, picture) for step, picture in read if picture]
    real = None
    if len(read) > 1:
        first, real = _split(read[0][1], read[-1][1])
        read[0] = (read[0][0], first)
    shown = [Grid(step, _encode(picture)) for step, picture in read]
    return Grids(shown, real and _encode(real), len(run.samples))


def drawn(run: Run, remarks: Remarks) -> dict[str, Picture]:
    """Returns the pictures that a run's evaluation has drawn and that can be read, by what they show."""
    read = {name: _open(path, remarks) for name, path in run.pictures.items()}
    return {name: _encode(picture) for name, picture in read.items() if picture}


def spread(steps: Sequence[int], count: int) -> list[int]:
    """Returns at most `count` of the ascending steps, as even as may be, the first and the last among them."""
    if len(steps) <= count:
        return list(steps)
    wanted = np.linspace(steps[0], steps[-1], count)
    return sorted({min(steps, key=lambda step: abs(step - place)) for place in wanted})


def read_png(path: Path) -> Image.Image | None:
    """Returns a picture that a run has drawn, in RGB; None where it is no PNG that can be read."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:  # Pillow would run a program on some other formats
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow's complaints of damage
        return None


def _open(path: Path, remarks: Remarks) -> Image.Image | None:
    picture = read_png(path)
    if picture is None:
        remarks.add("bad_picture", file=f"samples/{path.name}")
    return picture


def _split(first: Image.Image, last: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Training puts real images beside the untrained samples, at the same size: returns both apart."""
    (width, height), whole = last.size, first.width
    if first.height != height or whole < 2 * width:
        return first, None
    return first.crop((0, 0, width, height)), first.crop((whole - width, 0, whole, height))


def _encode(picture: Image.Image) -> Picture:
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY)
    return Picture(f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", *picture.size)
