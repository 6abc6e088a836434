"""How right translations are, against true partners where these are known, and beside what takes no learning."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from jaxgan.evaluation import distances, measures, memorisation
from jaxgan.evaluation.measures import Embedded, Measure, take
from jaxgan.images import to_float, to_uint8

BLUR = 0.7  # pixels, deviation of the Gaussian that takes what is hidden in a translation away


class Task(NamedTuple):
    """Images to be translated, and what ought to come of them as far as that is known."""

    source: Embedded
    label: np.ndarray | None  # int32 (N,), of the source, where both domains have the same characters
    partner: Embedded | None  # the true partners
    pose: np.ndarray | None  # float32 (N, factors), how heads are held in these
    read_pose: Callable[[np.ndarray], np.ndarray]  # of uint8 images (N, H, W, C)


def altered(image: np.ndarray) -> np.ndarray:
    """Float images (N, H, W, C) in [-1, 1] in 8 bits and blurred a little, in which little can be hidden."""
    rounded = np.asarray(to_float(to_uint8(image)))
    return gaussian_filter(rounded, (0, BLUR, BLUR, 0), mode="nearest")


def measure(task: Task, translated: Embedded, best: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, Measure]:
    """The means over images of what `right` finds, beside the best there can be. Deterministic in `seed`."""
    found = right(task, translated)
    return {name: measures.mean(name, values, best[name], seed) for name, values in found.items()}


def ideal(task: Task) -> dict[str, np.ndarray]:
    """What `right` finds of the true partners; where these are not known every character is kept."""
    return {"character_kept": np.ones(1)} if task.partner is None else right(task, task.partner)


def right(task: Task, images: Embedded) -> dict[str, np.ndarray]:
    """Of each image in the translations' place, float (N,) by name, whatever can be told of it.

    pixel_error is mean |difference| from the true partner, pixels spanning [-1, 1]; similarity is structural (Wang et
    al. 2004); character_kept is 1 where the probe takes it for whom it is; pose_error is the mean
    |error| of the factors of pose, in their deviations: 0.8 where all are told as their means.
    """
    found = {}
    if task.label is not None:
        found["character_kept"] = (images.probabilities.argmax(1) == task.label).astype(float)
    if task.partner is not None:
        import dm_pix  # takes a second, for which no other command is to wait

        ours, theirs = (np.asarray(image) / np.float32(255) for image in (images.image, task.partner.image))
        found["pixel_error"] = 2 * np.abs(ours - theirs).mean((1, 2, 3))
        found["similarity"] = np.asarray(dm_pix.ssim(ours, theirs))
        found["pose_error"] = np.abs(task.read_pose(images.image) - task.pose).mean(1)
    return found


def baselines(task: Task, train: Embedded, held_out: Embedded) -> dict[str, dict[str, float]]:
    """What takes no learning reaches: leaving images as they are, and the training image nearest to each in pixels."""
    _, indices = memorisation.nearest(task.source.image, train.image, 1)
    found = {}
    for name, images in {"identity": task.source, "nearest": take(train, indices[:, 0])}.items():
        values = {key: float(value.mean()) for key, value in right(task, images).items()}
        found[name] = {"fd_probe": distances.frechet_distance(images.features, held_out.features)} | values
    return found


def cycle_errors(
    task: Task, there: np.ndarray, back: np.ndarray, return_to: Callable[[np.ndarray], np.ndarray]
) -> dict[str, Measure]:
    """Mean |F(G(a)) - a|, and that where G(a) has been altered so that nothing is hidden in it (Chu et al. 2017).

    Floors are what F makes of the true partners; of an image without one they are 0.

    Args:
      there: G(a), float images in [-1, 1], as all others are.
      back: F(G(a)).
      return_to: F.
    """
    source = np.asarray(to_float(task.source.image))
    error = lambda found: np.abs(found - source).mean((1, 2, 3))
    floors = np.zeros((2, 1))
    if task.partner is not None:
        partner = np.asarray(to_float(task.partner.image))
        floors = error(return_to(partner)), error(return_to(altered(partner)))
    return {
        "cycle": measures.mean("cycle", error(back), floors[0], 0),
        "cycle_altered": measures.mean("cycle_altered", error(return_to(altered(there))), floors[1], 0),
    }


def confusion(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """How many of each of K characters' images (a row) are taken for whom, by probabilities (N, K); int (K, K)."""
    matrix = np.zeros((probabilities.shape[1],) * 2, int)
    np.add.at(matrix, (label, probabilities.argmax(1)), 1)
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
