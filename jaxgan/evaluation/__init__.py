"""What is drawn, and how images are coded, measured: arrays in, numbers and sentences out, whatever the algorithm."""

import math
from typing import NamedTuple

# All measures in the order in which they are shown, and whether less is better. First those of samples.
OF_SAMPLES = {
    "fd_probe": True,
    "kid_probe": True,
    "precision": False,
    "recall": False,
    "density": False,
    "coverage": False,
    "diversity": False,
    "recognised": False,
    "effective_characters": False,
    "memorisation": True,
    "copies": True,
    "reconstruction": True,
    "denoising": True,
    "inpainting": True,
    "agreement": False,
    "intra_fd_probe": True,
    "intra_diversity": False,
    "fid": True,
    "kid": True,
    "inception_score": False,
    "inception_precision": False,
    "inception_recall": False,
}
# Then how right translations are.
OF_TRANSLATIONS = {
    "character_kept": False,
    "pixel_error": True,
    "similarity": False,
    "pose_error": True,
    "cycle": True,
    "cycle_altered": True,
}
# Then those of codes; all but the sum of the errors are a layer's, whose number they end with: error_1. Layer 0, of
# which there is the accuracy only, is the images.
_OF_LAYERS = {"error": True, "distortion": True, "active": True, "l1": True, "iterations": True, "accuracy": False}
MOST_LAYERS = 4
OF_CODES = {"error": True} | {
    f"{name}_{layer}": less
    for name, less in _OF_LAYERS.items()
    for layer in range(0 if name == "accuracy" else 1, MOST_LAYERS + 1)
}
OF_COPIES = ("memorisation", "copies")  # to be watched, not won
OF_HELD_OUT = {"reconstruction", "denoising", "inpainting", *OF_CODES}  # measures of images that are given, not drawn
LESS_IS_BETTER = OF_SAMPLES | OF_TRANSLATIONS | OF_CODES


BEST_METRICS = ("fd_probe", "coverage", "diversity", "effective_characters")  # by which a checkpoint can be the best


class Caveat(NamedTuple):
    """A reason not to trust figures; the languages have a text for each kind, `caveat_<kind>`."""

    kind: str
    figures: dict  # what the text tells: counts, shares as float, names as a list


def goodness(metric: str, measures: dict[str, float]) -> tuple[float, float]:
    """Ranks a checkpoint by one of BEST_METRICS, higher for better; those that show a collapse come last."""
    value = measures.get(metric, math.nan)
    value = -value if LESS_IS_BETTER[metric] else value
    return measures["healthy"], -math.inf if math.isnan(value) else value
