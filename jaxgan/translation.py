"""From images of one domain to images of the other, by a run that translates."""

from pathlib import Path

import jax
import numpy as np

from jaxgan import algorithms, images
from jaxgan.data.decoding import Unreadable, decode
from jaxgan.data.files import ImageFiles, no_images, read_image
from jaxgan.data.fitting import fit
from jaxgan.errors import UserError
from jaxgan.paths import expanded
from jaxgan.progress import Progress

BATCH = 32  # images translated at a time
DIRECTIONS = ("ab", "ba")


def translate(
    algorithm: algorithms.Algorithm, state: algorithms.State, image: np.ndarray, direction: str
) -> np.ndarray:
    """Translates images in batches of one size, so that it compiles once.

    Args:
      algorithm: the run's.
      state: of one checkpoint.
      image: uint8 or, in [-1, 1], float32 (N, H, W, C).
      direction: ab or ba.

    Returns:
      float32 (N, H, W, C) in [-1, 1].

    Raises:
      UserError: the algorithm translates nothing, or there is no such direction.
    """
    if not algorithm.translate:
        raise UserError("the run's algorithm translates no images")
    compiled = jax.jit(algorithm.translate, static_argnums=2)
    see = lambda part: images.to_float(part) if part.dtype == np.uint8 else part
    return images.in_batches(lambda part: compiled(state, see(part), direction), image, min(BATCH, len(image)))


def read_photos(path: Path, shape: tuple[int, int, int], how: str) -> np.ndarray:
    """Reads an image file, or all below a folder or in an archive, as uint8 (N, *shape), fitted in the way `how`.

    Says which files are no images, and where parts of images are left out.

    Raises:
      UserError: there is no image.
    """
    path = expanded(path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder")
    if path.is_file() and path.suffix.lower() != ".zip":
        try:
            photos = [_fitted(path.name, decode(read_image(path)), shape, how)]
        except Unreadable as error:
            raise UserError(f"{path} is not a readable image ({error}); give another") from error
    else:
        files = ImageFiles(path)
        if not files.members:
            raise no_images(files)
        with Progress(f"reading {path}", len(files.members), "images") as progress:
            photos = [_fitted(*photo, shape, how) for photo in files.read(files.members, progress)]
            files.settle("skip", progress)
        if not photos:
            raise UserError(f"{path}: none of its files is a readable image")
    notes = [note for _, note in photos if note]
    if notes:
        print(notes[0] if len(notes) == 1 else f"of {len(notes)} images that are not square the centre is taken")
    return np.stack([photo for photo, _ in photos])


def _fitted(name: str, photo: np.ndarray, shape: tuple[int, int, int], how: str) -> tuple[np.ndarray, str]:
    """Returns the image, and what is to be said of it."""
    height, width, _ = photo.shape
    cut = height != width and how == "crop"
    note = f"{name}: of {width}x{height} pixels the centre square is taken" if cut else ""
    return fit(photo, shape, how), note
