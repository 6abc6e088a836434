"""Whether samples are training images seen again: nearest training images, and what they tell."""

from collections.abc import Iterator

import numpy as np

from jaxgan import images

RATIO = 1 / 3  # Yoon et al. 2023
BLOCK = 1000  # images at a time in float32: 50 MB at 64 x 64 x 3


def nearest(queries: np.ndarray, references: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distances float32 (N, k) and indices (N, k) of the k references nearest to each query.

    Queries (N, ...) and references (M, ...) are images or features, M >= k, in any unit: uint8 images
    give distances in grey levels. A block of each at a time is held in float32.
    """
    found = [_nearest(_flat(queries[block]), references, k) for block in _blocks(len(queries))]
    distances, indices = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return distances, indices


def _nearest(queries: np.ndarray, references: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    candidates, squares = [], []
    for block in _blocks(len(references)):
        part = _flat(references[block])
        square = np.square(part).sum(axis=1) - 2 * queries @ part.T  # |q - r|^2 - |q|^2
        best = np.argpartition(square, min(k, len(part)) - 1, axis=1)[:, :k]
        candidates.append(best + block.start)
        squares.append(np.take_along_axis(square, best, axis=1))
    best = np.argpartition(np.concatenate(squares, axis=1), k - 1, axis=1)[:, :k]
    return _sorted(queries, references, np.take_along_axis(np.concatenate(candidates, axis=1), best, axis=1))


def _sorted(queries: np.ndarray, references: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances by subtraction: the products above cancel to noise where a query is all but a reference."""
    columns = [np.linalg.norm(queries - _flat(references[column]), axis=1) for column in indices.T]
    distances = np.stack(columns, axis=1)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(indices, order, axis=1)


def _flat(arrays: np.ndarray) -> np.ndarray:
    return arrays.reshape(len(arrays), -1).astype(np.float32)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


def distinct(training: np.ndarray) -> np.ndarray:
    """Indices of the images uint8 (N, H, W, C) without exact repetitions, the first of each kept, ascending."""
    rows = np.ascontiguousarray(training).reshape(len(training), -1)
    _, first = np.unique(rows.view(f"V{rows.shape[1]}")[:, 0], return_index=True)
    return np.sort(first)


def rank(samples: np.ndarray, held_out: np.ndarray) -> float:
    """The probability that a sample lies nearer to the training images than a held-out image does.

    From the distances (N,) of samples and (M,) of held-out images to their nearest training images:
    Mann-Whitney's U / (N M), ties one half. 0.5 = as new as real images that were never seen, 1 = copies,
    0 = farther away than any of them. Cf. Meehan et al. 2020 (arXiv 2004.05675).
    """
    farther, no_nearer = (
        len(held_out) - np.searchsorted(np.sort(held_out), samples, side) for side in ("right", "left")
    )
    return float((farther + no_nearer).mean() / (2 * len(held_out)))


def ratios(distances: np.ndarray) -> np.ndarray:
    """Distance to the nearest over that to the second nearest (N,), from (N, 2 or more); 0 / 0 is 0."""
    first, second = distances[:, 0], distances[:, 1]
    return np.divide(first, second, out=np.zeros_like(first), where=second > 0)


def copies(distances: np.ndarray) -> np.ndarray:
    """Which samples bool (N,) copy a training image, from the distances (N, 2 or more) to the nearest ones.

    Those whose nearest training image is under a third as far as their second nearest: Yoon et al. 2023
    ("Diffusion probabilistic models generalize when they fail to memorize"). A blurred mean is near to
    many images and copies none. Search among the `distinct` training images: beside a repeated image the
    second nearest is no farther than the first, and only an exact copy (0 / 0) would count. Mirrored
    copies are not looked for.
    """
    return ratios(distances) < RATIO


def picture(samples: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Rows of a sample and its nearest training images, in two columns read downwards.

    From uint8 (R, H, W, C) and (R, k, H, W, C), the most suspicious first.
    """
    rows = np.concatenate([samples[:, None], neighbours], axis=1)
    middle = -(-len(rows) // 2)
    columns = [images.grid(np.concatenate(part), rows.shape[1]) for part in (rows[:middle], rows[middle:]) if len(part)]
    return columns[0] if len(columns) == 1 else images.beside(*columns)
