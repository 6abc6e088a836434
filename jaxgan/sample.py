"""Draws images from a run: its newest checkpoint's samples, a walk between them, or its training's history.

python -m jaxgan.sample --workdir=DIR [--out=FILE.png] [--num=64] [--seed=0] [--step=N|best] [--npz=FILE.npz]
                        [--label=NAME] [--truncation=0.7]
python -m jaxgan.sample --workdir=DIR --interpolate[=slerp|linear] [--frames=60] [--points=4] [--out=FILE.gif]
python -m jaxgan.sample --workdir=DIR --grid=history|layers [--out=FILE.png]
python -m jaxgan.sample --workdir=DIR --atom=N [--frames=12] [--out=FILE.png]
python -m jaxgan.sample --workdir=DIR --input=FILE|DIR [--direction=ab|ba] [--out=FILE.png] [--npz=FILE.npz]
python -m jaxgan.sample --workdir=DIR --invert=FILE|DIR [--npz=FILE.npz]
python -m jaxgan.sample --workdir=DIR --mean-of=NAME | --directions[=8] | --towards=NAME | --style-mix
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import algorithms, animation, cli, images, restoring, translation
from jaxgan import config as config_lib
from jaxgan.drawing import history, move_atom, sample, walk
from jaxgan.errors import UserError
from jaxgan.restoring import load
from jaxgan.rundir import RunDirectory
from jaxgan.translation import DIRECTIONS
from jaxgan.walk import INTERPOLATIONS

ROWS, FRAME = 512, 256  # pixels of width below which rows, and an animation's frames, are enlarged
WALK_PACE = 60  # milliseconds a frame
LATENT_TOOLS = "invert", "mean_of", "directions", "towards", "style_mix"  # each draws a picture of its own
DIRECTIONS_SHOWN = 8
LEAST_TRUNCATION = 0.05  # below which latents are hard to find
HISTORY_PACE, HISTORY_HOLD = 400, 1600  # milliseconds a checkpoint, and more for the last


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    options = _parse(arguments)
    if options.grid == "history":
        out, arrays = _draw_history(options)
    elif tool := _latent_tool(options):
        out, arrays = _draw_latents(options, tool)
    elif options.interpolate:
        out, arrays = _draw_walk(options)
    elif options.input:
        out, arrays = _draw_translations(options)
    elif options.atom is not None:
        out, arrays = _draw_atom(options)
    else:
        out, arrays = _draw_samples(options)
    print(f"wrote {out}")
    if options.npz:
        images.save_npz(options.npz, **arrays)
        print(f"wrote {options.npz}")


def _draw_samples(options: argparse.Namespace) -> tuple[Path, dict[str, np.ndarray]]:
    algorithm, state, step = load(options.workdir, options.step)
    layers = "layers" if options.grid == "layers" else ""
    truncation = "" if options.truncation is None else f"truncation{options.truncation:g}"
    out = options.out or _file(options, step, layers, options.label or "", truncation)
    if layers or not algorithm.generate:
        if options.label is not None or options.truncation is not None:
            raise UserError("the run's algorithm draws no samples: leave out --label and --truncation")
        return out, _draw_what_it_shows(options, algorithm, state, out)
    samples = sample(algorithm, state, options.num or 64, options.seed, _label(options), options.truncation)
    images.save_png(out, _square(samples))
    return out, {"images": samples}


def _draw_what_it_shows(
    options: argparse.Namespace, algorithm: algorithms.Algorithm, state: algorithms.State, out: Path
) -> dict[str, np.ndarray]:
    """What sparse layers, or a translator, make of held-out images."""
    if not algorithm.show or (options.grid == "layers" and algorithm.translate):
        raise UserError("--grid=layers: the run's algorithm has no sparse layers")
    rng, given = np.random.default_rng(options.seed), []
    for held_out in restoring.held_out(options.workdir):
        chosen = rng.permutation(len(held_out))[: options.num or images.PANELS]
        given.append(images.to_float(held_out[np.sort(chosen)]))
    shown = algorithm.show(state, *given)
    images.save_png(out, images.panels(shown))
    return {title.replace(" ", "_"): images.to_uint8(drawn) for title, drawn in shown.items()}


def _draw_walk(options: argparse.Namespace) -> tuple[Path, dict[str, np.ndarray]]:
    """A frame a step, or in a .png a row for each image that walks."""
    algorithm, state, step = load(options.workdir, options.step)
    out = options.out or _file(options, step, options.label or "", "walk", suffix=".gif")
    still = out.suffix == ".png"
    frames = options.frames or (12 if still else 60)
    points, interpolate = options.points or 4, options.interpolate
    if interpolate == "auto":
        latent = config_lib.from_dict(RunDirectory(options.workdir).stored()["config"]).get("latent")
        interpolate = "linear" if latent == "uniform" else "slerp"
    walked = walk(algorithm, state, options.num or 16, options.seed, points, frames, interpolate, _label(options))
    _save_walk(out, walked)
    return out, {"images": walked.reshape(-1, *walked.shape[2:])}


def _latent_tool(options: argparse.Namespace) -> str | None:
    return next((name for name in LATENT_TOOLS if _is_given(getattr(options, name))), None)


def _is_given(value: Any) -> bool:
    return value is not None and value is not False


def _draw_latents(options: argparse.Namespace, tool: str) -> tuple[Path, dict[str, np.ndarray]]:
    from jaxgan.latent import pictures  # takes a second

    algorithm, state, step = load(options.workdir, options.step)
    if not algorithm.generate:
        raise UserError(f"--{_flag(tool)}: the run's algorithm draws no samples")
    picture, arrays = pictures.DRAWN[tool](options, algorithm, state)
    of = options.mean_of or options.towards or (options.invert.stem if options.invert else "")
    out = options.out or _file(options, step, _flag(tool), of)
    images.save_png(out, picture)
    return out, arrays


def _file(options: argparse.Namespace, step: int, *of: str, suffix: str = ".png") -> Path:
    """What a picture is called by what is in it, where the user does not say."""
    parts = [f"{step:06}-seed{options.seed}", *(re.sub(r"[^\w.-]", "", part) for part in of)]
    return _samples(options.workdir) / f"{'-'.join(filter(None, parts))}{suffix}"


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _save_walk(out: Path, walked: np.ndarray) -> None:
    """Draws (frames, N, H, W, C), in a .png a row for each of the N, else as an animation."""
    if out.suffix == ".png":
        rows = walked.swapaxes(0, 1).reshape(-1, *walked.shape[2:])
        images.save_png(out, images.enlarge(images.grid(rows, len(walked)), ROWS))
    else:
        animation.save(out, np.stack([images.enlarge(_square(frame), FRAME) for frame in walked]), WALK_PACE)


def _draw_atom(options: argparse.Namespace) -> tuple[Path, dict[str, np.ndarray]]:
    """A row for each image, whose coefficient grows from left to right; or a frame where the file is an animation."""
    algorithm, state, step = load(options.workdir, options.step)
    out = options.out or _file(options, step, f"atom{options.atom}")
    still = out.suffix == ".png"
    frames = options.frames or (12 if still else 60)
    rise = np.linspace(0, 1, frames) if still else (1 - np.cos(2 * np.pi * np.arange(frames) / frames)) / 2
    moved = move_atom(algorithm, state, options.atom, options.num or (8 if still else 16), options.seed, rise)
    _save_walk(out, moved)
    return out, {"images": moved.reshape(-1, *moved.shape[2:])}


def _draw_translations(options: argparse.Namespace) -> tuple[Path, dict[str, np.ndarray]]:
    """The user's images, their translations, and what these come back as."""
    algorithm, state, step = load(options.workdir, options.step)
    direction = options.direction or "ab"
    data = config_lib.from_dict(RunDirectory(options.workdir).stored()["config"]).data
    if not algorithm.translate:
        raise UserError("--input: the run's algorithm translates no images")
    shape = data.image_size, data.image_size, data.channels
    given = translation.read_photos(options.input, shape, data[direction[0]].fit)
    translated = translation.translate(algorithm, state, given, direction)
    back = translation.translate(algorithm, state, translated, direction[::-1])
    out = options.out or _samples(options.workdir) / f"{step:06}-{direction}-{options.input.stem}.png"
    first, second = direction
    titles = first, f"{first} to {second}", f"back to {first}"
    shown = dict(zip(titles, (images.to_float(given), translated, back), strict=True))
    images.save_png(out, images.panels(shown, width=min(FRAME * len(given), 1024)))
    return out, {"images": images.to_uint8(translated)}


def _draw_history(options: argparse.Namespace) -> tuple[Path, dict[str, np.ndarray]]:
    """A row for each checkpoint, or a frame where the file is an animation."""
    out = options.out or _samples(options.workdir) / f"history-seed{options.seed}.png"
    still = out.suffix == ".png"
    steps, drawn = history(options.workdir, options.num or (8 if still else 16), options.seed)
    if len(steps) == 1:
        print(f"only checkpoint {steps[0]} is left; --config.keep_every=N in training keeps one every N steps")
    if still:
        rows = images.grid(drawn.reshape(-1, *drawn.shape[2:]), drawn.shape[1])
        images.save_png(out, images.label_rows(images.enlarge(rows, ROWS), [f"{step:,}" for step in steps]))
    else:
        pictures = [images.enlarge(_square(samples), FRAME) for samples in drawn]
        titled = [images.title(picture, f"step {step:,}") for step, picture in zip(steps, pictures, strict=True)]
        animation.save(out, np.stack(titled), HISTORY_PACE, HISTORY_HOLD)
    return out, {"images": drawn.reshape(-1, *drawn.shape[2:]), "steps": np.asarray(steps)}


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the flags, and raises UserError for what does not fit before anything is loaded."""
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workdir", required=True, help="the run directory")
    parser.add_argument("--out", type=cli.path, help="the file; by default in DIR/samples")
    parser.add_argument("--num", type=int, help="images, by default 64; 16 held-out ones and in animations, 8 in rows")
    parser.add_argument("--seed", type=int, default=0, help="of the latents, or of the choice of held-out images")
    parser.add_argument("--step", type=cli.step, help="which checkpoint: its step, or best; by default the newest")
    parser.add_argument(
        "--npz",
        type=cli.path,
        help="also write what is drawn, `images` uint8 (N, H, W, C), frame by frame, or by title",
    )
    parser.add_argument(
        "--interpolate",
        nargs="?",
        const="auto",
        choices=("auto", *INTERPOLATIONS),
        help="walk to other latents and back, linear for uniform latents, else slerp: .gif, .mp4 or rows in a .png",
    )
    parser.add_argument("--label", metavar="NAME", help="of what is drawn, by its name or number, if G is told classes")
    parser.add_argument(
        "--truncation", type=float, help="draw latents within this distance from 0 only: more typical, less diverse"
    )
    parser.add_argument("--frames", type=int, help="of the whole walk, by default 60; 12 in a .png, its columns")
    parser.add_argument(
        "--atom",
        type=int,
        help="move one coefficient of this atom, from 0 on, and render the codes",
    )
    parser.add_argument("--input", type=cli.path, help="an image, or a folder or archive of them, to translate")
    parser.add_argument("--direction", choices=DIRECTIONS, help="ab (the default) translates a to b, ba b to a")
    parser.add_argument("--invert", type=cli.path, help="an image, or a folder or archive of them: find their latents")
    parser.add_argument("--mean-of", metavar="NAME", help="draw the mean latent of the samples that show a class")
    parser.add_argument(
        "--directions",
        nargs="?",
        type=int,
        const=DIRECTIONS_SHOWN,
        help=f"move along the principal directions, by default {DIRECTIONS_SHOWN}",
    )
    parser.add_argument("--towards", metavar="NAME", help="move towards a class; of toons also angle, dx, dy, scale")
    parser.add_argument("--style-mix", action="store_true", help="coarse features of some latents, fine ones of others")
    parser.add_argument("--points", type=int, help="latents that each image of a walk passes, by default 4")
    parser.add_argument(
        "--grid",
        choices=("samples", "history", "layers"),
        default="samples",
        help="history draws the same latents with every checkpoint that is left; layers what sparse layers make of "
        "held-out images, and their atoms",
    )
    options = parser.parse_args(arguments)
    _check_numbers(options)
    _check_files(options)
    return options


def _check_numbers(options: argparse.Namespace) -> None:
    for name, least in (("num", 1), ("frames", 1), ("points", 2)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise UserError(f"--{name}={value}: it is {least} or more")
        moves = options.interpolate or (name == "frames" and options.atom is not None)
        if name != "num" and value is not None and not moves:
            walks = "--interpolate=slerp or --atom=N" if name == "frames" else "--interpolate=slerp"
            raise UserError(f"--{name} is for a walk: add {walks}, or leave it out")
    if not 0 <= options.seed < 2**32:
        raise UserError(f"--seed={options.seed}: it is a number from 0 and below {2**32}")
    if options.truncation is not None and not options.truncation >= LEAST_TRUNCATION:
        raise UserError(f"--truncation={options.truncation}: it is {LEAST_TRUNCATION} or more")
    others = options.grid != "samples" or options.atom is not None or options.input or _latent_tool(options)
    if options.truncation is not None and (others or options.interpolate):
        raise UserError("--truncation is for single samples: leave out what draws other pictures")
    if options.label is not None and others:
        raise UserError("--label is for samples and walks: leave out what draws other pictures")
    if tool := _latent_tool(options):
        _check_latent_tool(options, tool)
    if options.direction and not options.input:
        raise UserError("--direction is for images that are translated: add --input=FILE")
    if options.input and (options.interpolate or options.grid != "samples" or options.atom is not None or options.num):
        raise UserError("--input translates all that is there: leave out --num, --interpolate, --grid and --atom")
    if options.grid == "layers" and options.interpolate:
        raise UserError("--grid=layers draws held-out images and no latents: leave out --interpolate")
    if options.atom is not None and (options.interpolate or options.grid != "samples"):
        raise UserError("--atom moves a coefficient and no latents: leave out --interpolate and --grid")
    for name in ("interpolate", "step"):
        if options.grid == "history" and getattr(options, name) is not None:
            raise UserError(f"--grid=history draws the same latents with every checkpoint: leave out --{name}")


def _check_latent_tool(options: argparse.Namespace, tool: str) -> None:
    wanted = {name: getattr(options, name) for name in (*LATENT_TOOLS, "interpolate", "input", "atom")}
    wanted |= {"grid": options.grid != "samples"}
    others = [f"--{_flag(name)}" for name, value in wanted.items() if _is_given(value) and name != tool]
    if others:
        raise UserError(f"--{_flag(tool)} draws a picture of its own: leave out {', '.join(others)}")
    if getattr(options, tool) == "":
        raise UserError(f"--{_flag(tool)}=: name a class")
    if tool == "invert" and options.num:
        raise UserError("--invert searches for all that is there: leave out --num")


def _check_files(options: argparse.Namespace) -> None:
    cli.check_suffix(options.npz, ".npz")
    out, moves = options.out, options.interpolate or options.grid == "history" or options.atom is not None
    if out and moves and out.suffix not in (".png", *animation.SUFFIXES):
        raise UserError(f"{out}: name a file that ends in .png, .gif or .mp4")
    if out and options.grid == "layers" and out.suffix != ".png":
        raise UserError(f"{out}: name a file that ends in .png")
    if out and not moves and out.suffix != ".png":
        walk = "" if _latent_tool(options) or options.input else ", or add --interpolate=slerp for a .gif or .mp4"
        raise UserError(f"{out}: name a file that ends in .png{walk}")
    if out:
        animation.check(out)


def _label(options: argparse.Namespace) -> int | None:
    """The number of the class that is asked for. Raises UserError."""
    if options.label is None:
        return None
    names = RunDirectory(options.workdir).stored()["data"]["names"]
    by_name = {str(n): n for n in range(len(names))} | {name: number for number, name in enumerate(names)}
    if options.label not in by_name:
        raise UserError(f"--label={options.label}: there are {', '.join(names) or 'no classes'}")
    return by_name[options.label]


def _samples(workdir: str) -> Path:
    return RunDirectory(workdir).samples


def _square(drawn: np.ndarray) -> np.ndarray:
    """Arranges uint8 (N, H, W, C) in about as many rows as columns."""
    return images.grid(drawn, math.ceil(math.sqrt(len(drawn))))


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
