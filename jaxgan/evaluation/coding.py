"""Measures of codes: how well sparse layers tell images that they have not learnt from, and with how little."""

from typing import NamedTuple

import numpy as np

from jaxgan.evaluation import OF_CODES, Caveat
from jaxgan.evaluation.measures import Measure, mean

PENALTIES = 10.0 ** np.arange(-3, 4)  # of the classifier's weights, in units of the images' mean square


class Coded(NamedTuple):
    """Images in the layers of an algorithm."""

    layers: list[np.ndarray]  # float32 (N, ...) each: the images as they are seen, then the codes of layer upon layer
    figures: dict[str, np.ndarray]  # float32 (N,) by name
    label: np.ndarray  # int32 (N,), all 0 where the data set has no labels


def measure(held_out: Coded, train: Coded, seed: int = 0) -> dict[str, Measure]:
    """The means of all figures over held-out images, and what a linear classifier of each layer's codes gets right.

    Floors are what training images reach; the classifier has learnt from those. `accuracy_0` is that of the images
    themselves, as they are seen, and where no labels tell images apart there is none. Deterministic in `seed`.
    """
    found = {name: mean(name, values, train.figures[name], seed) for name, values in held_out.figures.items()}
    if len(np.unique(train.label)) > 1:
        for number, (learnt, unseen) in enumerate(zip(train.layers, held_out.layers, strict=True)):
            right = linear_classification(learnt, train.label, unseen, held_out.label)
            found[f"accuracy_{number}"] = mean(f"accuracy_{number}", *right, seed)
    return {name: found[name] for name in OF_CODES if name in found}


def linear_classification(
    train: np.ndarray, train_label: np.ndarray, held_out: np.ndarray, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether ridge regression on the labels tells each image right: float64 of held-out (M,) and of training (N,).

    Its penalty is that of PENALTIES with the least leave-one-out error on the training images.
    """
    from sklearn.linear_model import RidgeClassifierCV  # takes half a second, for which no other command is to wait

    train, held_out = (np.reshape(code, (len(code), -1)) for code in (train, held_out))
    scale = train.std() or 1.0
    classifier = RidgeClassifierCV(alphas=PENALTIES * train.shape[1])
    classifier.fit(train / scale, train_label)
    pairs = (held_out, label), (train, train_label)
    right, learnt = ((classifier.predict(code / scale) == truth).astype(float) for code, truth in pairs)
    return right, learnt


def warnings(coded: Coded) -> list[Caveat]:
    """When not to trust the figures."""
    share = float(coded.figures["converged"].mean()) if "converged" in coded.figures else 1.0
    return [] if share == 1 else [Caveat("not_converged", {"share": share})]
