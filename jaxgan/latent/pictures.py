"""What `sample` draws of latents: those of given images, the mean of a class, moves along directions, mixtures."""

import argparse

import numpy as np

from jaxgan import config as config_lib
from jaxgan import drawing, images, translation
from jaxgan.algorithms import Algorithm, State
from jaxgan.data.dataset import DataSet
from jaxgan.drawing import Asked
from jaxgan.errors import UserError
from jaxgan.evaluation import pose, probe
from jaxgan.examining.real import prepared_images
from jaxgan.latent import directions, mixing
from jaxgan.latent.inversion import invert
from jaxgan.rundir import RunDirectory

HELD_OUT = 8  # images of the set's own that are searched for, too
MEMBERS = 32  # images of a class, that of its mean latent included
REACH, COLUMNS = 3.0, 9  # standard deviations to either side, and images in a row
POSED = ("toons", "colourings")  # sets whose heads' pose is known, too
WIDTH = 768  # pixels up to which rows are enlarged

Drawn = tuple[np.ndarray, dict[str, np.ndarray]]  # a picture uint8 (H, W, C), and the arrays for --npz


def draw_inversion(options: argparse.Namespace, algorithm: Algorithm, state: State) -> Drawn:
    """The given images, the search for their latents, and the images of these; below, held-out ones."""
    whole, _ = prepared_images(options.workdir)
    data = config_lib.from_dict(RunDirectory(options.workdir).stored()["config"]).data
    given = translation.read_photos(options.invert, whole.train.image.shape[1:], data.fit)
    image = np.concatenate([given, whole.held_out.image[:HELD_OUT]])
    found = invert(algorithm, state, probe.load(whole), image, options.seed)
    names = [f"given {number + 1}" for number in range(len(given))]
    rows = np.concatenate([image[:, None], found.path], 1)
    print(f"{'':10}{'pixels':>10}{'features':>10}")
    for name, error in zip(names, np.stack([found.pixels, found.features], 1), strict=False):
        print(f"{name:10}{error[0]:10.3f}{error[1]:10.3f}")
    others = [errors[len(given) :].mean() for errors in (found.pixels, found.features)]
    print(f"{'held out':10}{others[0]:10.3f}{others[1]:10.3f}   the mean of {len(image) - len(given)} images")
    picture = _rows(rows, names + ["held out"] * (len(image) - len(given)))
    label = {} if found.label is None else {"label": found.label[: len(given)]}
    return picture, {"images": found.path[: len(given), -1], "latent": found.latent[: len(given)], **label}


def draw_mean(options: argparse.Namespace, algorithm: Algorithm, state: State) -> Drawn:
    """The image of the mean latent of all samples that are recognised as a class, first, and such samples."""
    whole, _ = prepared_images(options.workdir)
    asked, drawn, found = _recognised(options, algorithm, state, whole, options.mean_of)
    if found.sum() < directions.LEAST:
        raise UserError(f"--mean-of={options.mean_of}: only {found.sum()} of {len(found)} samples show it")
    mean = asked.latent[found].mean(0, keepdims=True)
    label = None if asked.label is None else asked.label[found][:1]
    centre = drawing.generate(algorithm, state, Asked(mean, label))
    print(f"{options.mean_of}: the mean of {found.sum()} latents among {len(found)}")
    shown = np.concatenate([centre, drawn[found]])[: options.num or MEMBERS]
    return images.enlarge(images.grid(shown, 8), WIDTH), {"images": shown, "latent": mean}


def draw_directions(options: argparse.Namespace, algorithm: Algorithm, state: State) -> Drawn:
    """Images moved along each of the principal directions, a row for each image and direction."""
    found = directions.principal(algorithm, state, options.directions)
    num = options.num or 1
    names = [f"{number + 1}: {share:.0%}" for number, share in enumerate(found.share) for _ in range(num)]
    return _moved(options, algorithm, state, found.step, names, num)


def draw_attribute(options: argparse.Namespace, algorithm: Algorithm, state: State) -> Drawn:
    """Images moved towards a class, or a pose that toons have, a row for each."""
    whole, _ = prepared_images(options.workdir)
    if options.towards in pose.FACTORS and whole.name in POSED:
        asked = drawing.ask(algorithm, state, directions.SAMPLES, options.seed)
        drawn = drawing.generate(algorithm, state, asked)
        present = pose.read(drawn.shape[1:], drawn)[:, pose.FACTORS.index(options.towards)].astype(np.float64)
    else:
        if algorithm.sample_label:
            raise UserError(f"--towards={options.towards}: G is told the classes; draw it with --label")
        known = pose.FACTORS if whole.name in POSED else ()
        asked, _, present = _recognised(options, algorithm, state, whole, options.towards, known)
    step = directions.towards(asked.latent, present)[None]
    num = options.num or 8
    return _moved(options, algorithm, state, step, [f"{number + 1}" for number in range(num)], num)


def draw_mixed(options: argparse.Namespace, algorithm: Algorithm, state: State) -> Drawn:
    """A table: the coarse features of the image at the left of a row, the fine ones of that above a column."""
    if algorithm.latent_parts == 1:
        raise UserError("--style-mix: the run's generator takes its latent in one layer")
    num = options.num or 6
    asked = drawing.ask(algorithm, state, 2 * num, options.seed)
    table = mixing.mixed(asked, num, algorithm.latent_parts)
    drawn = drawing.generate(algorithm, state, table)
    blank = np.full_like(drawn[:1], 255)
    return images.enlarge(images.grid(np.concatenate([blank, drawn]), num + 1), WIDTH), {"images": drawn}


DRAWN = {
    "invert": draw_inversion,
    "mean_of": draw_mean,
    "directions": draw_directions,
    "towards": draw_attribute,
    "style_mix": draw_mixed,
}


def _moved(
    options: argparse.Namespace, algorithm: Algorithm, state: State, step: np.ndarray, names: list[str], num: int
) -> Drawn:
    asked = drawing.ask(algorithm, state, num, options.seed)
    deviation = drawing.ask(algorithm, state, drawing.BATCH, options.seed).latent.std()  # less than 1 if uniform
    moved = directions.along(asked.latent, step, deviation * np.linspace(-REACH, REACH, COLUMNS))
    if RunDirectory(options.workdir).stored()["config"].get("latent") == "uniform":
        moved = moved.clip(-1, 1)
    label = None if asked.label is None else np.tile(asked.label.repeat(COLUMNS), len(step))
    drawn = drawing.generate(algorithm, state, Asked(moved.reshape(-1, moved.shape[-1]), label))
    picture = _rows(drawn.reshape(len(names), COLUMNS, *drawn.shape[1:]), names)
    return picture, {"images": drawn, "directions": step}


def _recognised(
    options: argparse.Namespace,
    algorithm: Algorithm,
    state: State,
    whole: DataSet,
    name: str,
    others: tuple[str, ...] = (),
) -> tuple[Asked, np.ndarray, np.ndarray]:
    """Samples, and which of them the probe recognises as a class: latents, images, bool (n,)."""
    known = [*(whole.names if len(whole.names) > 1 else []), *others]
    if name not in known:
        there = f"there are {', '.join(known)}" if known else "the set has no labels"
        raise UserError(f"--{'mean-of' if options.mean_of else 'towards'}={name}: samples show no such thing: {there}")
    judge = probe.load(whole)
    number = judge.names.index(name)
    label = whole.names.index(name) if algorithm.sample_label else None
    asked = drawing.ask(algorithm, state, directions.SAMPLES, options.seed, label)
    drawn = drawing.generate(algorithm, state, asked)
    return asked, drawn, judge.embed(drawn)[1][:, number] > 0.5


def _rows(rows: np.ndarray, names: list[str]) -> np.ndarray:
    """Rows of images uint8 (R, M, H, W, C), each with its name."""
    flat = rows.reshape(-1, *rows.shape[2:])
    return images.label_rows(images.enlarge(images.grid(flat, rows.shape[1]), WIDTH), names)
