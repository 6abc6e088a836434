"""How well a generator that is told classes keeps to them, and what it makes of each."""

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation.measures import (
    COMPARISONS,
    Comparison,
    Embedded,
    Measure,
    chosen,
    compare,
    mean,
    measured,
    take,
)

FEWEST = 10  # images of a class, of each kind, below which it tells nothing
WITHIN = {"fd_probe": "intra_fd_probe", "diversity": "intra_diversity"}  # measures of one class, by their names for all


class Labelled(NamedTuple):
    """Images of which the class is known, or was asked for."""

    embedded: Embedded
    label: np.ndarray  # int (N,)

    def of(self, label: int) -> Embedded:
        return take(self.embedded, np.flatnonzero(self.label == label))

    def told(self) -> np.ndarray:
        """Whether the probe takes each image for its class, float (N,)."""
        return (self.embedded.probabilities.argmax(1) == self.label).astype(float)


def measure(samples: Labelled, train: Labelled, held_out: Labelled, seed: int = 0) -> dict[str, Measure]:
    """Measures samples against held-out images of their class, and beside them as many training images (the floor).

    `agreement` is the share of samples that the probe takes for the class that was asked for. The others are means over
    the classes with FEWEST images or more: the Frechet distance in the probe's features, which so few images bias
    upwards, that of the floor as well (intra-class FID, Miyato & Koyama 2018, arXiv 1802.05637, section 4), and the
    pixel diversity.
    """
    count = samples.embedded.probabilities.shape[1]
    fewest = np.min([np.bincount(one.label, minlength=count) for one in (samples, train, held_out)], 0)
    labels = np.flatnonzero(fewest >= FEWEST)
    found = {"agreement": mean("agreement", samples.told(), held_out.told(), seed)}
    for comparison in (one for one in COMPARISONS if one.names[0] in WITHIN and len(labels)):
        of_classes = [_compare(comparison, samples, train, held_out, label, seed) for label in labels]
        values, floors, _, _, errors = np.transpose(of_classes)
        name, error = WITHIN[comparison.names[0]], np.linalg.norm(errors) / len(labels)
        found[name] = measured(name, values.mean(), floors.mean(), error)
    return found


def _compare(
    comparison: Comparison, samples: Labelled, train: Labelled, held_out: Labelled, label: int, seed: int
) -> Measure:
    drawn = samples.of(label)
    real = chosen(train.of(label), len(drawn.image), seed)
    (found,) = compare(comparison, drawn, real, held_out.of(label), seed).values()
    return found
