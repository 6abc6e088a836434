"""How right a run's translations are of held-out images."""

import functools
from pathlib import Path

import numpy as np

from jaxgan import config, fields, restoring
from jaxgan.algorithms import Algorithm, State
from jaxgan.data.dataset import DataSet, limit, prepare
from jaxgan.data.toons import sketches
from jaxgan.errors import UserError
from jaxgan.evaluation import measures, pose, probe
from jaxgan.evaluation import translation as measured
from jaxgan.evaluation.measures import take
from jaxgan.examining import record
from jaxgan.examining.real import Real, embed, real_images, real_images_of
from jaxgan.images import PANELS, panels, to_float, to_uint8
from jaxgan.rundir import RunDirectory
from jaxgan.translation import translate


def examiner(workdir: str | Path, num: int) -> record.Examine:
    """Translates held-out images of domain a, at most `num`, to b and back, by one checkpoint after the other.

    Returns:
      What gives the content of evaluation.json of an algorithm, its state and its step, and pictures by name.

    Raises:
      UserError: there is no such run, its images are not prepared here, or they are too few.
    """
    origin = restoring.origin(workdir)
    count = len(origin.held_out.label)
    if count < measures.FEWEST:
        raise UserError(
            f"{origin.name}, data.a, has {count} held-out images: measuring takes {measures.FEWEST} or more"
        )
    real = _real_images(workdir)
    print(f"probe of {real.dataset.name}: {probe.describe(real.probe)}", flush=True)
    task = _task(origin, real, num)
    best, baselines = measured.ideal(task), measured.baselines(task, real.train, real.held_out)

    def examine(algorithm: Algorithm, state: State, step: int) -> tuple[dict, dict]:
        source = task.source.image
        there = translate(algorithm, state, source, "ab")
        back = translate(algorithm, state, there, "ba")
        translated = embed(real.probe, to_uint8(there))
        found = measures.measure(translated, real.train, real.held_out, real.probe.names)
        return_to = lambda image: translate(algorithm, state, image, "ba")
        found.measures.update(measured.measure(task, translated, best))
        found.measures.update(measured.cycle_errors(task, there, back, return_to))
        content = record.of_samples(real, found, step, len(source)) | {
            "of": "translations",
            "partners": task.partner is not None,
            "baselines": baselines,
        }
        pictures = {"nearest": found.picture, "translations": _draw(task, there, back)}
        if task.label is not None:
            matrix = measured.confusion(task.label, translated.probabilities)
            content["confusion"] = matrix.tolist()
            pictures["confusion"] = measured.draw_confusion(matrix, real.probe.names)
        return content, pictures

    return examine


def _real_images(workdir: str | Path) -> Real:
    """Those of domain b; of colourings the toons', whose scenes are others, as of translators that learn from them."""
    stored = RunDirectory(workdir).stored()
    if stored["data"]["name"] != "colourings":
        return real_images(workdir)
    learnt, _ = fields.sets(config.from_dict(stored["config"]).data)
    learnt.name = "toons"
    whole = prepare(learnt, limited=False)
    return real_images_of(whole, limit(whole, learnt.limit))


def _task(origin: DataSet, real: Real, num: int) -> measured.Task:
    numbers = measures.spread(len(origin.held_out.label), num)
    source = take(origin.held_out, numbers)
    shape, names = source.image.shape[1:], real.probe.names
    label = source.label if names and origin.names == names else None
    task = measured.Task(embed(real.probe, source.image), label, None, None, functools.partial(pose.read, shape))
    if origin.name != "sketches" or real.dataset.name != "toons":
        return task
    scenes = sketches.held_out_scenes(numbers)
    partner = embed(real.probe, sketches.draw("colourings", scenes, shape))
    return task._replace(partner=partner, pose=pose.truth(scenes))


def _draw(task: measured.Task, there: np.ndarray, back: np.ndarray) -> np.ndarray:
    first = slice(PANELS)
    shown = {"a": to_float(task.source.image[first]), "a to b": there[first], "back to a": back[first]}
    if task.partner is not None:
        shown["true partners"] = to_float(task.partner.image[first])
    return panels(shown)
