"""How right translations are, against true partners where these are known, and beside what takes no learning."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from jaxgan.evaluation import distances, memorisation
from jaxgan.evaluation.measures import Embedded, Measure, mean, take
from jaxgan.images import to_float, to_uint8

BLUR = 0.7  # pixels, deviation of the Gaussian that takes what is hidden in a translation away


class Truth(NamedTuple):
    """What translations ought to be."""

    partner: Embedded
    pose: np.ndarray  # float32 (N, factors)


class Given(NamedTuple):
    """What was translated, and what came of it."""

    source: Embedded
    label: np.ndarray | None  # int32 (N,), of the source, where both domains have the same characters
    translated: Embedded


def altered(image: np.ndarray) -> np.ndarray:
    """Float images (N, H, W, C) in [-1, 1] in 8 bits and blurred a little, in which little can be hidden."""
    rounded = np.asarray(to_float(to_uint8(image)))
    return gaussian_filter(rounded, (0, BLUR, BLUR, 0), mode="nearest")


def measure(
    given: Given, truth: Truth | None, pose: Callable[[np.ndarray], np.ndarray], seed: int = 0
) -> dict[str, Measure]:
    """The means over images of what `right` finds. Deterministic in `seed`.

    Floors are what the true partners reach, or, where they are not known, what nothing has to reach: 1.
    """
    found = right(given.translated, given, truth, pose)
    ideal = right(truth.partner, given, truth, pose) if truth else {name: np.ones(1) for name in found}
    return {name: mean(name, values, ideal[name], seed) for name, values in found.items()}


def right(
    images: Embedded, given: Given, truth: Truth | None, pose: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    """Of each image in the translations' place, float (N,) by name, whatever can be told of it.

    pixel_error is mean |difference| from the true partner, pixels spanning [-1, 1]; similarity is structural (Wang et
    al. 2004); character_kept is 1 where the probe takes it for whom it is; pose_error is the mean
    |error| of the factors of pose, in their deviations: 0.8 where all are told as their means.
    """
    found = {}
    if given.label is not None and images.probabilities is not None:
        found["character_kept"] = (images.probabilities.argmax(1) == given.label).astype(float)
    if truth:
        import dm_pix  # takes a second, for which no other command is to wait

        ours, theirs = (np.asarray(image) / np.float32(255) for image in (images.image, truth.partner.image))
        found["pixel_error"] = 2 * np.abs(ours - theirs).mean((1, 2, 3))
        found["similarity"] = np.asarray(dm_pix.ssim(ours, theirs))
        found["pose_error"] = np.abs(pose(images.image) - truth.pose).mean(1)
    return found


def baselines(
    given: Given, train: Embedded, held_out: Embedded, truth: Truth | None, pose: Callable[[np.ndarray], np.ndarray]
) -> dict[str, dict[str, float]]:
    """What takes no learning reaches: leaving images as they are, and the training image nearest to each in pixels."""
    _, indices = memorisation.nearest(given.source.image, train.image, 1)
    found = {}
    for name, images in {"identity": given.source, "nearest": take(train, indices[:, 0])}.items():
        values = {key: float(value.mean()) for key, value in right(images, given, truth, pose).items()}
        found[name] = {"fd_probe": distances.frechet_distance(images.features, held_out.features)} | values
    return found


def confusion(given: Given, count: int) -> np.ndarray:
    """How many of each character's images (a row) are taken for whom, int (count, count)."""
    matrix = np.zeros((count, count), int)
    np.add.at(matrix, (given.label, given.translated.probabilities.argmax(1)), 1)
    return matrix


def draw_confusion(matrix: np.ndarray, names: Sequence[str], side: int = 40) -> np.ndarray:
    """The matrix as a picture, uint8 (H, W, 3): rows are who it is, columns who it is taken for, dark is many."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(side * 0.32)
    margin = 10 + int(max(font.getlength(name) for name in names))
    picture = Image.new("RGB", (margin + side * len(names), margin + side * len(names)), "white")
    canvas = ImageDraw.Draw(picture)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    for row, name in enumerate(names):
        middle = margin + side * (row + 0.5)
        canvas.text((margin - 5, middle), name, "black", font, "rm")
        canvas.text((middle, margin - 5), name[: side // 8], "black", font, "mb")
        for column in range(len(names)):
            left, top, share = margin + side * column, margin + side * row, shares[row, column]
            level = round(255 * (1 - share))
            canvas.rectangle((left, top, left + side - 2, top + side - 2), (level, level, 255))
            if matrix[row, column]:
                text = "white" if share > 0.5 else "black"
                canvas.text((left + side / 2, top + side / 2), str(matrix[row, column]), text, font, "mm")
    return np.asarray(picture)
