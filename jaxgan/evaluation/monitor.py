"""Measures cheap enough to take in training, on a few hundred samples, each relative to real images."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxgan import images, parallel
from jaxgan.data.dataset import DataSet
from jaxgan.evaluation import characters
from jaxgan.evaluation.distances import frechet_distance
from jaxgan.evaluation.memorisation import RATIO
from jaxgan.evaluation.neighbours import K_COVERAGE, directions
from jaxgan.evaluation.probe import Probe
from jaxgan.models.classifier import Classifier

THUMBNAIL = 32  # pixels a side at which images are compared
TRACE = (16, 4)  # samples, and pixels a side, by which one reading is compared with the next
APART = 1 / 3  # of the median distance between a real image and its nearest, from which samples are distinct
SAME = 1e-3  # distance up to which two images are the same but for rounding
CHUNK = 500  # images that are made thumbnails at a time
DIGITS = 5  # of the numbers in a row


@struct.dataclass
class Reference:
    """What there is to know of the real images; distances are RMS over pixels in [-1, 1]."""

    variables: dict  # the probe's
    features: jax.Array  # (M, F) of held-out images
    directions: jax.Array  # (M, F) of these features
    radii: jax.Array  # (M,) squared distance of each direction to the K_COVERAGE-th nearest
    train: jax.Array  # (N, D) thumbnails
    diversity: jax.Array  # mean distance of two held-out images
    contrast: jax.Array  # mean deviation of the pixels within one
    spacing: jax.Array  # median distance of one to its nearest
    trace_diversity: jax.Array  # mean distance of two, at TRACE's size


class Monitor:
    """Takes readings. It holds nothing that changes: a reading depends on its arguments alone."""

    def __init__(self, dataset: DataSet, probe: Probe):
        """Measures against the held-out images, and looks for copies of the training images."""
        self._probe = probe
        self.real_characters = _effective(dataset.train.label) if probe.names else None  # None where it is 1
        self._reference = _reference(dataset, probe)
        self._features = np.asarray(self._reference.features)
        self._measure = parallel.jit_alone(functools.partial(_measure, Classifier(probe.classes, probe.width)))

    def read(self, samples: jax.Array, trace: list[float] | None = None) -> dict:
        """Measures samples, float (N, H, W, C) in [-1, 1], drawn from the same latents at every reading.

        Args:
          samples: at least TRACE[0] of them.
          trace: that of the reading before.

        Returns:
          Plain numbers by name: diversity, contrast, distinct, copies, fd_probe, coverage; change
          (None without a `trace`); recognised and effective_characters (None without labels);
          characters, the shares by name; and `trace` for the next reading.
        """
        values = jax.device_get(self._measure(self._reference, samples))
        now, features, probabilities = (values.pop(name) for name in ("trace", "features", "probabilities"))
        change = None
        if trace is not None:
            apart = np.sqrt(np.mean((now - np.asarray(trace)) ** 2))
            change = round(float(apart / self._reference.trace_diversity), DIGITS)
        return {
            "fd_probe": round(frechet_distance(features, self._features), DIGITS),
            **{name: round(float(value), DIGITS) for name, value in values.items()},
            "change": change,
            **self._characters(probabilities),
            "trace": [round(float(value), DIGITS) for value in now],
        }

    def _characters(self, probabilities: np.ndarray) -> dict:
        names = self._probe.names
        if not names:
            return {"recognised": None, "effective_characters": None, "characters": {}}
        shares, recognised = characters.shares(probabilities)
        return {
            "recognised": round(recognised, DIGITS),
            "effective_characters": round(characters.effective_number(shares), DIGITS),
            "characters": {name: round(float(share), DIGITS) for name, share in zip(names, shares, strict=True)},
        }


def _effective(label: np.ndarray) -> float | None:
    number = characters.effective_number(np.bincount(label) / len(label))
    return number if number > 1 else None


def _reference(dataset: DataSet, probe: Probe) -> Reference:
    held_out = images.to_float(jnp.asarray(dataset.held_out.image))
    features, _ = probe.embed(dataset.held_out.image)
    return _describe(probe.variables, held_out, _thumbnails(dataset.train.image), features)


def _thumbnails(image: np.ndarray) -> np.ndarray:
    """Those of uint8 (N, S, S, C), some at a time: as floats all of them can be large."""
    parts = np.split(image, range(CHUNK, len(image), CHUNK))
    return np.concatenate([_flat_thumbnails(images.to_float(jnp.asarray(part)), THUMBNAIL) for part in parts])


@jax.jit
def _describe(variables: dict, held_out: jax.Array, train: jax.Array, features: jax.Array) -> Reference:
    thumbnails, unit = _flat_thumbnails(held_out, THUMBNAIL), directions(features)
    return Reference(
        variables=variables,
        features=features,
        directions=unit,
        radii=jnp.sort(_squared_distances(unit, unit), axis=1)[:, K_COVERAGE],
        train=train,
        diversity=_mean_distance(thumbnails),
        contrast=_contrast(held_out),
        spacing=jnp.median(_nearest_other(thumbnails)),
        trace_diversity=_mean_distance(_flat_thumbnails(held_out, TRACE[1])),
    )


def _measure(network: Classifier, reference: Reference, samples: jax.Array) -> dict[str, jax.Array]:
    features, logits = network.apply(reference.variables, samples, train=False)
    thumbnails = _flat_thumbnails(samples, THUMBNAIL)
    reached = _squared_distances(reference.directions, directions(features)).min(1) < reference.radii
    return {
        "diversity": _mean_distance(thumbnails) / reference.diversity,
        "contrast": _contrast(samples) / reference.contrast,
        "distinct": (_nearest_other(thumbnails) > APART * reference.spacing).mean(),
        "copies": _copies(thumbnails, reference.train),
        "coverage": reached.mean(),
        "features": features,
        "probabilities": jax.nn.softmax(logits),
        "trace": _flat_thumbnails(samples[: TRACE[0]], TRACE[1]).reshape(-1),
    }


def _flat_thumbnails(image: jax.Array, side: int) -> jax.Array:
    """Averages (N, S, S, C) to `side` pixels and lays each in a row, (N, D)."""
    count, size, _, channels = image.shape
    times = max(size // side, 1)
    cells = image.reshape(count, size // times, times, size // times, times, channels)
    return cells.mean((2, 4)).reshape(count, -1)


def _squared_distances(a: jax.Array, b: jax.Array) -> jax.Array:
    """(N, D) and (M, D) to (N, M)."""
    product = jnp.matmul(a, b.T, precision="highest")  # what is left after subtraction would drown in fewer bits
    return jnp.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * product, 0)


def _rms(squared_distances: jax.Array, flat: jax.Array) -> jax.Array:
    return jnp.sqrt(squared_distances / flat.shape[1])


def _mean_distance(flat: jax.Array) -> jax.Array:
    """Mean RMS distance of two different rows of (N, D)."""
    return _rms(_squared_distances(flat, flat), flat).sum() / (len(flat) * (len(flat) - 1))


def _nearest_other(flat: jax.Array) -> jax.Array:
    """RMS distance of each row of (N, D) to its nearest other one, (N,)."""
    distances = _squared_distances(flat, flat) + jnp.diag(jnp.full(len(flat), jnp.inf))
    return _rms(distances.min(1), flat)


def _contrast(image: jax.Array) -> jax.Array:
    return image.std((1, 2)).mean()


def _copies(samples: jax.Array, train: jax.Array) -> jax.Array:
    """Share of samples far nearer to one training image than to any other, or as near as a copy to two of them."""
    distances = _squared_distances(samples, train)
    nearest, first = distances.min(1), distances.argmin(1)
    second = distances.at[jnp.arange(len(samples)), first].set(jnp.inf).min(1)
    return (_rms(nearest, samples) <= jnp.maximum(RATIO * _rms(second, samples), SAME)).mean()
