"""What the retina and its like do to images before they are coded: whitening, contrast, a round field of view."""

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

FAINT = 1e-6  # deviation of an image's pixels, in units of [-1, 1], below which it is rounding noise: the image is flat


def preprocess(images: jax.Array, data: ConfigDict) -> jax.Array:
    """Does to float images (B, H, W, C) what `config.data` asks for, in this order."""
    if data.whiten_f0:
        images = whiten(images, data.whiten_f0, data.whiten_n)
    if data.contrast_size:
        images = normalise_contrast(images, data.contrast_size, data.contrast_sigma)
    if data.standardise:
        images = standardise(images)
    if data.mask:
        images = images * disc(images.shape[1:3])
    return images


def whiten(images: jax.Array, f0: float, n: float) -> jax.Array:
    """Multiplies spectra by f exp(-(f / f0)^n), f in cycles a pixel (Olshausen & Field 1997, equation 7).

    Natural images' amplitudes fall as 1 / f; this makes them even up to f0, and takes away noise above.
    """
    height, width = images.shape[1:3]
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    gain = frequency * np.exp(-((frequency / f0) ** n))
    spectrum = jnp.fft.rfft2(images, axes=(1, 2)) * gain[None, :, :, None].astype(images.dtype)
    return jnp.fft.irfft2(spectrum, (height, width), (1, 2))


def normalise_contrast(images: jax.Array, size: int, sigma: float) -> jax.Array:
    """Local contrast normalisation (Jarrett et al. 2009, section 2.1, where it is of feature maps).

    From each pixel its surroundings' mean over all channels is taken, then it is divided by their deviation, or by the
    image's mean deviation where that is larger. Beyond the edges the border is repeated. A flat image becomes 0.

    Args:
      size: of the window of Gaussian weights, pixels, odd.
      sigma: of the weights, in halves of the window's side.
    """
    centred = images - _surroundings(images, size, sigma)
    deviation = jnp.sqrt(_surroundings(centred**2, size, sigma))
    mean = deviation.mean((1, 2, 3), keepdims=True)
    return jnp.where(mean > FAINT, centred / jnp.maximum(jnp.maximum(deviation, mean), FAINT), 0)


def _surroundings(images: jax.Array, size: int, sigma: float) -> jax.Array:
    """The weighted mean around each pixel over all channels, (B, H, W, C) to (B, H, W, 1)."""
    weights = np.exp(-((np.linspace(-1, 1, size) / sigma) ** 2) / 2)
    weights = jnp.asarray(weights / weights.sum(), images.dtype)
    half = size // 2
    mean = jnp.pad(images.mean(-1), ((0, 0), (half, half), (half, half)), "edge")
    for axis in (1, 2):
        mean = jnp.apply_along_axis(lambda line: jnp.convolve(line, weights, "valid"), axis, mean)
    return mean[..., None]


def standardise(images: jax.Array) -> jax.Array:
    """Each image of mean 0 and deviation 1; a flat one becomes 0."""
    axes = (1, 2, 3)
    deviation = images.std(axes, keepdims=True)
    return jnp.where(deviation > FAINT, (images - images.mean(axes, keepdims=True)) / jnp.maximum(deviation, FAINT), 0)


def disc(shape: tuple[int, int]) -> np.ndarray:
    """1 within the ellipse that touches the edges of (H, W), 0 outside: float32 (H, W, 1)."""
    rows, columns = (np.abs(np.arange(side) - (side - 1) / 2) / (side / 2) for side in shape)
    return np.float32(np.hypot(rows[:, None], columns) <= 1)[..., None]
