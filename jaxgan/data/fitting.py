"""From images of any size to the one size of a set."""

import numpy as np
from PIL import Image, ImageOps


def fit(image: np.ndarray, shape: tuple[int, int, int], how: str) -> np.ndarray:
    """Resizes uint8 (h, w, 1 or 3) to `shape` (H, W, C) with anti-aliasing.

    Args:
      how: where the aspect differs, "crop" cuts out the centre and "pad" adds white at both sides.
    """
    if image.shape == shape:
        return image
    height, width, channels = shape
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    picture = Image.fromarray(pixels)
    if channels != image.shape[-1]:
        picture = picture.convert("L" if channels == 1 else "RGB")
    if how == "pad":
        fitted = _pad(picture, (width, height))
    else:
        fitted = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted).reshape(shape)


def _pad(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """As ImageOps.pad, which fails where an image is so narrow that nothing of it is left."""
    scale = min(size[0] / picture.width, size[1] / picture.height)
    inner = [max(1, round(side * scale)) for side in picture.size]
    padded = Image.new(picture.mode, size, "white")
    corner = tuple((outer - side) // 2 for outer, side in zip(size, inner, strict=True))
    padded.paste(picture.resize(inner, Image.Resampling.LANCZOS), corner)
    return padded
