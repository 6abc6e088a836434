"""What a generator draws, measured: images and arrays in, numbers and sentences out, whatever the algorithm."""

import math

# All measures in the order in which they are shown, and whether less is better.
LESS_IS_BETTER = {
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
    "fid": True,
    "kid": True,
    "inception_score": False,
    "inception_precision": False,
    "inception_recall": False,
}

BEST_METRICS = ("fd_probe", "coverage", "diversity", "effective_characters")  # by which a checkpoint can be the best


def goodness(metric: str, measures: dict[str, float]) -> tuple[float, float]:
    """Ranks a checkpoint by one of BEST_METRICS, higher for better; those that show a collapse come last."""
    value = measures.get(metric, math.nan)
    value = -value if LESS_IS_BETTER[metric] else value
    return measures["healthy"], -math.inf if math.isnan(value) else value
