"""FID, KID, Inception Score, precision and recall in the features of Inception, by which papers compare.

The network is torch-fidelity's, with its conversion of TensorFlow's weights of 2015. The arithmetic, error
bars and floors are those of the other measures, and so are the images. A paper's FID is of 50,000 images:
that of fewer is higher, far higher where they are fewer than the 2048 features, and its floor says how much.
"""

import contextlib
import errno
import importlib
import importlib.util
import io
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.special import rel_entr, softmax

from jaxgan.errors import UserError
from jaxgan.evaluation import distances, neighbours
from jaxgan.evaluation.measures import Comparison, Embedded, Measure, Statistic, compare, take
from jaxgan.progress import Progress

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS}"
EXTRACTOR, LAYERS = "inception-v3-compat", ["2048", "logits_unbiased"]  # torch-fidelity's names
BATCH = 64  # images at a time in the network, as torch-fidelity does
SPLITS = 10  # Salimans et al. 2016
ROUNDS = 30  # halves: at 2048 features each takes half a second, and 30 know an error to 13 %

Embed = Callable[[np.ndarray], Embedded]  # of uint8 (N, H, W, 3 or 1)


def load(weights: Path | None) -> Embed:
    """Loads Inception from a file, or from torch-fidelity's release where `weights` is None, which then is kept.

    Returns a function that takes uint8 (N, H, W, 3 or 1) to its 2048 features and 1008 probabilities; as
    torch-fidelity does, it resizes to 299x299 as TensorFlow 1 did, and leaves the logits' bias out.

    Raises:
      UserError: torch-fidelity is not installed or fails to import, or the weights cannot be had.
    """
    if weights and not weights.is_file():
        raise _unusable(f"{weights}: no such file")
    network, device = _network(_torch_fidelity(), weights), _device()
    network.to(device)

    def embed(image: np.ndarray) -> Embedded:
        parts = []
        starts = range(0, len(image), BATCH)
        with Progress("Inception's features", len(starts), "batches") as progress:
            for first in starts:
                parts.append([part.cpu().numpy() for part in network(_batch(image[first : first + BATCH], device))])
                progress.advance()
        features, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Embedded(image, features, softmax(logits.astype(np.float64), axis=1))

    return embed


def _torch_fidelity():
    if importlib.util.find_spec("torch_fidelity") is None:
        raise UserError("--inception needs torch-fidelity, which is not installed: pip install -e '.[eval]'")
    try:
        with _silent():
            return importlib.import_module("torch_fidelity")
    except (ImportError, OSError, RuntimeError) as error:  # a torchvision built for another torch raises any of them
        raise UserError(
            f"--inception needs torch-fidelity, which cannot be imported ({_reason(error)}): in a new environment, "
            "pip install -e '.[eval]', which brings the torchvision that goes with its torch"
        ) from error


def _network(fidelity, weights: Path | None):
    try:
        with _silent():
            return fidelity.FeatureExtractorInceptionV3(
                EXTRACTOR, LAYERS, feature_extractor_weights_path=weights, verbose=False
            )
    except Exception as error:  # of urllib, pickle, zipfile or torch, which share no class
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        what = f"{weights}: not Inception's weights" if weights else "Inception's weights cannot be fetched or read"
        raise _unusable(f"{what} ({_reason(error)})") from error


def _unusable(what: str) -> UserError:
    return UserError(f"{what}; download {URL} in a browser and give the file with --inception={WEIGHTS}")


def _reason(error: Exception) -> str:
    """The first sentence: torch's texts go on for lines."""
    return re.split(r"\n|\. ", str(error))[0].rstrip(":.") or type(error).__name__


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    output = io.StringIO()
    with (
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


def _device() -> str:
    with _silent():  # torch warns of a driver that is too old for it
        return "cuda" if importlib.import_module("torch").cuda.is_available() else "cpu"


def _batch(image: np.ndarray, device: str):
    torch = importlib.import_module("torch")
    return torch.from_numpy(np.ascontiguousarray(to_rgb(image).transpose(0, 3, 1, 2))).to(device)


def to_rgb(image: np.ndarray) -> np.ndarray:
    """Gives images (N, H, W, 1) three equal channels; those of three stay."""
    return np.broadcast_to(image, (*image.shape[:3], 3))


def measure(samples: Embedded, real: Embedded, held_out: Embedded, seed: int = 0) -> dict[str, Measure]:
    """Measures samples against held-out images, all as `load`'s function sees them.

    `real` are training images in the samples' place, for the floor. Takes at least 8 images a set: half of them
    have a third neighbour each.
    """
    rng = np.random.default_rng(seed)  # the order owes nothing to characters, as the Inception Score's splits need
    sets = [take(embedded, rng.permutation(len(embedded.image))) for embedded in (samples, real, held_out)]
    found = {}
    for comparison in COMPARISONS:
        found |= compare(comparison, *sets, seed)
    return found


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """`distances.frechet_distance` at the cost of N and M in the place of F's, which is more than they are.

    With A and B the centred `a` (N, F) and `b` (M, F), the eigenvalues of C_a C_b are the squared singular
    values of A B' over (N - 1)(M - 1), so that the trace of the root is their sum.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    a, b = ((points - points.mean(axis=0)) / np.sqrt(len(points) - 1) for points in (a, b))
    return max(0.0, float(means + np.square(a).sum() + np.square(b).sum() - 2 * np.linalg.norm(a @ b.T, "nuc")))


def inception_score(probabilities: np.ndarray, splits: int = SPLITS) -> float:
    """The mean over splits of exp(mean over images of KL(p(y|x) || p(y))), from probabilities (N, K).

    Between 1 and K, and at most a split's number of images. Salimans et al. 2016 (arXiv 1606.03498).
    """
    parts = np.array_split(probabilities, min(splits, len(probabilities)))
    return float(np.mean([np.exp(rel_entr(part, part.mean(axis=0)).sum(axis=1).mean()) for part in parts]))


def _frechet(samples: Embedded, held_out: Embedded) -> Statistic:
    return lambda i, j: frechet_distance(samples.features[i], held_out.features[j])


def _kernel(samples: Embedded, held_out: Embedded) -> Statistic:
    return lambda i, j: distances.kernel_distance(samples.features[i], held_out.features[j])


def _score(samples: Embedded, _: Embedded) -> Statistic:
    return lambda i, _: inception_score(samples.probabilities[i])


def _neighbours(samples: Embedded, held_out: Embedded) -> Statistic:
    drawn, real = samples.features, held_out.features
    across, among_samples, among_real = _pairs(drawn, real), _pairs(drawn, drawn), _pairs(real, real)

    def statistic(i: np.ndarray, j: np.ndarray) -> list[float]:
        to_real = across[np.ix_(i, j)]
        return [
            neighbours.precision(to_real, among_real[np.ix_(j, j)]),
            neighbours.recall(to_real, among_samples[np.ix_(i, i)]),
        ]

    return statistic


def _pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances float32 (N, M), by products: subtraction is slow at 2048 features."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(squares.clip(0)).astype(np.float32)


COMPARISONS = (
    Comparison(("fid",), _frechet, rounds=ROUNDS),
    Comparison(("kid",), _kernel, most=5000, rounds=ROUNDS),
    Comparison(("inception_score",), _score, rounds=ROUNDS),
    Comparison(("inception_precision", "inception_recall"), _neighbours, most=5000, rounds=ROUNDS),
)
