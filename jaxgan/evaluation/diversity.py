"""How much images differ from one another, in pixels."""

import numpy as np


def pair_distances(images: np.ndarray) -> np.ndarray:
    """The root mean squared differences float32 (N, N) of uint8 (N, H, W, C), as images in [-1, 1].

    Takes 4 bytes a pixel and N^2 numbers of memory: made for up to about 1,000 images.
    """
    centred = images.reshape(len(images), -1).astype(np.float32)
    centred -= centred.mean(axis=0)
    centred /= 127.5
    products = centred @ centred.T
    squares = np.diag(products)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0) / centred.shape[1])


def mean_of_pairs(distances: np.ndarray) -> float:
    """The mean of (N, N) over pairs of different images."""
    count = len(distances)
    return float(distances.sum(dtype=np.float64) / (count * (count - 1)))


def diversity(images: np.ndarray, reference: np.ndarray) -> float:
    """The mean pixel distance over pairs of images, over the same among the reference: 1 = as varied as real.

    Both are uint8 (., H, W, C), at least two each. 0 where all images are the same; noise raises it as
    well as variety, so it is read beside precision.
    """
    return mean_of_pairs(pair_distances(images)) / mean_of_pairs(pair_distances(reference))
