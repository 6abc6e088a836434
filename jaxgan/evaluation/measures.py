"""All measures of a generator's samples, each with its error bar and beside what real images reach."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from jaxgan.errors import UserError
from jaxgan.evaluation import OF_CODES, Caveat, characters, distances, diversity, memorisation, neighbours
from jaxgan.evaluation.intervals import interval, standard_error

FEWEST = 2 * (neighbours.K_COVERAGE + 1)  # half of the images still have a k-th neighbour each
FEW_SAMPLES, FEW_HELD_OUT = 500, 200
NEAREST = 3  # training images shown beside a sample
Images = TypeVar("Images", bound=tuple)  # a named tuple of arrays, as `Embedded`
ROWS = 16  # of the picture of nearest training images

RANGES = {
    **dict.fromkeys(("fd_probe", "intra_fd_probe"), (0, np.inf)),
    "kid_probe": (-np.inf, np.inf),
    "density": (0, np.inf),
    **dict.fromkeys(("diversity", "intra_diversity"), (0, np.inf)),
    "effective_characters": (0, np.inf),
    **dict.fromkeys(("reconstruction", "denoising", "inpainting"), (0, np.inf)),
    **dict.fromkeys(("pixel_error", "pose_error", "cycle", "cycle_altered"), (0, np.inf)),
    "similarity": (-1, 1),
    "fid": (0, np.inf),
    "kid": (-np.inf, np.inf),
    "inception_score": (1, np.inf),
    **dict.fromkeys((name for name in OF_CODES if not name.startswith(("active", "accuracy"))), (0, np.inf)),
}  # the others are shares and probabilities


class Embedded(NamedTuple):
    """Images and what the probe says of them; probabilities are None where the data set has no labels."""

    image: np.ndarray  # uint8 (N, H, W, C)
    features: np.ndarray  # float32 (N, F)
    probabilities: np.ndarray | None  # float32 (N, K)


class Measure(NamedTuple):
    """A value, what real images reach in the samples' place, and the value's 95 % interval and standard error."""

    value: float
    floor: float
    low: float
    high: float
    error: float


class Evaluation(NamedTuple):
    """What `measure` finds; the fields on characters are empty where the data set has no labels."""

    measures: dict[str, Measure]
    characters: dict[str, float]  # shares of the recognised samples
    real_characters: dict[str, float]  # shares of the recognised training images
    drawn: list[str]
    lost: list[str]
    summary: str
    warnings: list[Caveat]
    nearest: np.ndarray  # (N, 3) indices of the training images nearest to each sample in pixels
    picture: np.ndarray  # uint8 (H, W, C): the most suspicious samples beside them


Statistic = Callable[[np.ndarray, np.ndarray], ArrayLike]  # of indices of samples and of held-out images


class Comparison(NamedTuple):
    """Measures of samples against held-out images, computed together."""

    names: tuple[str, ...]
    statistic: Callable[[Embedded, Embedded], Statistic]
    most: int | None = None  # images of each set, where pairs would take too much memory
    rounds: int = 100  # halves that the error is taken from


def measure(
    samples: Embedded,
    train: Embedded,
    held_out: Embedded,
    names: Sequence[str],
    errors: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Measures samples against held-out images, and beside them as many training images (the floor).

    Memorisation (in features' directions) and copies (in pixels) measure them against the training images; their
    floor is what held-out images give. `names` are the K characters; `errors` holds, by the name
    of a measure, those of images (.,) and others (.,) whose mean is the floor. Deterministic in `seed`.

    Raises:
      UserError: there are too few images of a kind to compute anything.
    """
    kept = memorisation.distinct(train.image)
    _check_sizes(samples, train, held_out, kept)
    real = chosen(train, len(samples.image), seed)
    distinct = train.image if len(kept) == len(train.image) else train.image[kept]
    near, indices = memorisation.nearest(samples.image, distinct, NEAREST)
    near_held_out, _ = memorisation.nearest(held_out.image, distinct, NEAREST)
    found = {}
    for comparison in COMPARISONS:
        found |= compare(comparison, samples, real, held_out, seed)
    if samples.probabilities is not None:
        found |= _recognised(samples, real, held_out, seed)
    found["memorisation"] = _memorisation(samples, train, held_out, seed)
    found["copies"] = mean("copies", memorisation.copies(near), memorisation.copies(near_held_out), seed)
    found |= {name: mean(name, *pair, seed) for name, pair in (errors or {}).items()}
    warnings = _size_warnings(samples, train, held_out)
    picture = _picture(samples.image, distinct, near, indices)
    if samples.probabilities is None:
        return Evaluation(found, {}, {}, [], [], "", warnings, kept[indices], picture)
    return Evaluation(found, *_describe(samples, train, names, warnings), kept[indices], picture)


def take(images: Images, indices: np.ndarray) -> Images:
    """Those at `indices`, each field of the named tuple cut alike."""
    return type(images)(*(None if field is None else field[indices] for field in images))


def evenly(images: Images, most: int | None) -> Images:
    """At most `most` images, evenly spaced, because a data set can be sorted by character."""
    count = len(images.image)
    return images if most is None or count <= most else take(images, spread(count, most))


def spread(count: int, most: int) -> np.ndarray:
    """The indices of at most `most` of so many, evenly spaced."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def _check_sizes(samples: Embedded, train: Embedded, held_out: Embedded, kept: np.ndarray) -> None:
    if len(samples.image) < FEWEST:
        raise UserError(f"--num={len(samples.image)}: measuring takes at least {FEWEST} samples")
    check_counts(len(train.image), len(held_out.image))
    distinct = len(memorisation.distinct(train.image))
    if distinct < NEAREST:
        raise UserError(f"only {distinct} of the training images are distinct: measuring takes at least {NEAREST}")


def check_counts(train: int, held_out: int) -> None:
    """Raises UserError where a data set has too few images to measure anything."""
    for kind, count in (("training", train), ("held-out", held_out)):
        if count < FEWEST:
            raise UserError(f"the data set has {count} {kind} images: measuring takes at least {FEWEST}")


def chosen(train: Embedded, count: int, seed: int) -> Embedded:
    """As many training images, or all, for a floor."""
    return take(train, np.random.default_rng(seed).permutation(len(train.image))[:count])


def measured(name: str, value: float, floor: float, error: float) -> Measure:
    """With its 95 % interval, within the range of the measure of that name."""
    low, high = interval(value, error, *RANGES.get(name, (0, 1)))
    return Measure(float(value), float(floor), float(low), float(high), float(error))


def compare(
    comparison: Comparison, samples: Embedded, real: Embedded, held_out: Embedded, seed: int
) -> dict[str, Measure]:
    """Values, floors (of `real` in the samples' place) and errors of measures against held-out images."""
    samples, real, held_out = (evenly(images, comparison.most) for images in (samples, real, held_out))
    sizes = len(samples.image), len(held_out.image)
    statistic = comparison.statistic(samples, held_out)
    everything = np.arange(sizes[1])
    values = np.atleast_1d(statistic(np.arange(sizes[0]), everything))
    floors = np.atleast_1d(comparison.statistic(real, held_out)(np.arange(len(real.image)), everything))
    errors = np.atleast_1d(standard_error(statistic, sizes, comparison.rounds, seed))
    found = zip(comparison.names, values, floors, errors, strict=True)
    return {name: measured(name, value, floor, error) for name, value, floor, error in found}


def values(samples: Embedded, held_out: Embedded) -> dict[str, float]:
    """The plain values of these measures, and of those of characters where there are labels."""
    found = {}
    for comparison in (*COMPARISONS, *([RECOGNITION] if samples.probabilities is not None else [])):
        drawn, real = (evenly(images, comparison.most) for images in (samples, held_out))
        statistic = comparison.statistic(drawn, real)
        computed = statistic(np.arange(len(drawn.image)), np.arange(len(real.image)))
        found |= dict(zip(comparison.names, np.atleast_1d(computed).tolist(), strict=True))
    return found


def _frechet(samples: Embedded, held_out: Embedded) -> Statistic:
    return lambda i, j: distances.frechet_distance(samples.features[i], held_out.features[j])


def _kernel(samples: Embedded, held_out: Embedded) -> Statistic:
    return lambda i, j: distances.kernel_distance(samples.features[i], held_out.features[j])


def _neighbours(samples: Embedded, held_out: Embedded) -> Statistic:
    drawn, real = (neighbours.directions(embedded.features) for embedded in (samples, held_out))
    among_samples, among_real, across = (
        cdist(*pair).astype(np.float32) for pair in ((drawn, drawn), (real, real), (drawn, real))
    )

    def statistic(i: np.ndarray, j: np.ndarray) -> ArrayLike:
        to_real, inside_real = across[np.ix_(i, j)], among_real[np.ix_(j, j)]
        return [
            neighbours.precision(to_real, inside_real),
            neighbours.recall(to_real, among_samples[np.ix_(i, i)]),
            neighbours.density(to_real, inside_real),
            neighbours.coverage(to_real, inside_real),
        ]

    return statistic


def _diversity(samples: Embedded, held_out: Embedded) -> Statistic:
    drawn, real = diversity.pair_distances(samples.image), diversity.pair_distances(held_out.image)
    return lambda i, j: diversity.mean_of_pairs(drawn[np.ix_(i, i)]) / diversity.mean_of_pairs(real[np.ix_(j, j)])


def _recognition(samples: Embedded, _: Embedded) -> Statistic:
    def statistic(i: np.ndarray, _: np.ndarray) -> ArrayLike:
        shares, recognised = characters.shares(samples.probabilities[i])
        return [recognised, characters.effective_number(shares)]

    return statistic


COMPARISONS = (
    Comparison(("fd_probe",), _frechet),
    Comparison(("kid_probe",), _kernel, most=5000),
    Comparison(("precision", "recall", "density", "coverage"), _neighbours, most=5000),
    Comparison(("diversity",), _diversity, most=1000),
)
RECOGNITION = Comparison(("recognised", "effective_characters"), _recognition)


def _recognised(samples: Embedded, real: Embedded, held_out: Embedded, seed: int) -> dict[str, Measure]:
    found = compare(RECOGNITION, samples, real, held_out, seed)
    effective, num_classes = found["effective_characters"], samples.probabilities.shape[1]
    return found | {"effective_characters": effective._replace(high=min(effective.high, float(num_classes)))}


def _memorisation(samples: Embedded, train: Embedded, held_out: Embedded, seed: int) -> Measure:
    trained = neighbours.directions(train.features)
    drawn, unseen = (
        memorisation.nearest(neighbours.directions(x.features), trained, 1)[0][:, 0] for x in (samples, held_out)
    )
    error = standard_error(lambda i, j: memorisation.rank(drawn[i], unseen[j]), (len(drawn), len(unseen)), seed=seed)
    halves = np.array_split(np.random.default_rng(seed).permutation(unseen), 2)
    return measured("memorisation", memorisation.rank(drawn, unseen), memorisation.rank(*halves), error)


def mean(name: str, values: np.ndarray, reference: np.ndarray, seed: int) -> Measure:
    """That of values an image (N,), beside a reference's as its floor."""
    error = standard_error(lambda i: values[i].mean(), (len(values),), seed=seed)
    return measured(name, values.mean(), reference.mean(), error)


def _picture(samples: np.ndarray, training: np.ndarray, found: np.ndarray, indices: np.ndarray) -> np.ndarray:
    suspicious = np.argsort(memorisation.ratios(found), kind="stable")[:ROWS]
    return memorisation.picture(samples[suspicious], training[indices[suspicious]])


def _describe(
    samples: Embedded, train: Embedded, names: Sequence[str], warnings: list[Caveat]
) -> tuple[dict[str, float], dict[str, float], list[str], list[str], str, list[Caveat]]:
    counts = characters.count(samples.probabilities)
    (drawn, _), (real, _) = (characters.shares(embedded.probabilities) for embedded in (samples, train))
    verdicts = characters.judge(counts, real)
    drawn_names, lost = ([names[k] for k in np.flatnonzero(mask)] for mask in (verdicts.drawn, verdicts.lost))
    summary = characters.sentence(counts, len(samples.image), real, names)
    undecided = characters.undecided(counts, real, names)
    by_name = (dict(zip(names, share.tolist(), strict=True)) for share in (drawn, real))
    return *by_name, drawn_names, lost, summary, warnings + ([undecided] if undecided else [])


def _size_warnings(samples: Embedded, train: Embedded, held_out: Embedded) -> list[Caveat]:
    drawn, trained, unseen = (len(x.image) for x in (samples, train, held_out))
    features = samples.features.shape[1]
    warnings = [
        (drawn <= features, Caveat("biased_by_samples", {"count": drawn, "features": features})),
        (unseen <= features, Caveat("biased_by_held_out", {"count": unseen, "features": features})),
        (drawn < FEW_SAMPLES, Caveat("few_samples", {"count": drawn, "enough": FEW_SAMPLES})),
        (unseen < FEW_HELD_OUT, Caveat("few_held_out", {"count": unseen, "enough": FEW_HELD_OUT})),
        (trained < drawn, Caveat("few_trained", {"count": trained, "samples": drawn})),
    ]
    return [caveat for applies, caveat in warnings if applies]
