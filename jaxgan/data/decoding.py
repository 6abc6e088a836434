"""From the bytes of an image file to pixels, whatever mode, depth and orientation the file has."""

import contextlib
import io
import threading
import warnings

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM", "GIF")  # Pillow knows more, among them programs (EPS)
MAX_PIXELS = 2**26  # of one image; a small file can claim more than any memory holds
LARGE = 2**23  # pixels, from which one image at a time is decoded: it takes up to a dozen times their bytes
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF's orientation
BITS_PER_SAMPLE, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # TIFF 6.0, section 8

# Remarks on odd files. `catch_warnings` is no help, as it is not safe in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


_DECODING_LARGE = threading.Lock()


class Unreadable(Exception):
    """A file that is no image that can be decoded; the text says why, on one line."""

    def __init__(self, reason: object):
        super().__init__(" ".join(str(reason).split()) or type(reason).__name__)


def decode(content: bytes) -> np.ndarray:
    """Decodes a PNG, JPEG, WebP, BMP, TIFF, PGM/PPM or GIF file, of several frames the first.

    It is turned upright as EXIF says, transparency is laid over white, and 16 bits are scaled to 8.

    Returns:
      uint8 (h, w, 3).

    Raises:
      Unreadable: the content cannot be decoded, or is larger than MAX_PIXELS.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image, _in_turn(image):
            return np.asarray(_rgb(image))
    except (Unreadable, MemoryError):
        raise
    except Image.UnidentifiedImageError as error:
        raise Unreadable("no image of a known format" if content else "empty file") from error
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise Unreadable(error) from error


def _in_turn(image: Image.Image) -> contextlib.AbstractContextManager:
    return _DECODING_LARGE if image.width * image.height > LARGE else contextlib.nullcontext()


def _rgb(image: Image.Image) -> Image.Image:
    if image.width * image.height > MAX_PIXELS:
        raise Unreadable(f"{image.width}x{image.height} pixels are more than {MAX_PIXELS:,}")
    _scale_transparency(image)
    image.load()
    turn = TURNS.get(_orientation(image))
    if image.mode == "F":
        raise Unreadable("floating-point pixels have no known range")
    if image.mode.startswith("I"):
        image = _eight_bit(image)
    elif image.has_transparency_data:
        image = _over_white(image)
    image = image if image.mode == "RGB" else image.convert("RGB")  # which copies in any case
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation; Pillow has already turned TIFF, and takes the tag away there."""
    try:
        return image.getexif().get(Base.Orientation, 1)
    except Exception:  # the picture is whole; what the camera wrote beside it is not
        return 1


def _scale_transparency(image: Image.Image) -> None:
    """Brings PNG's transparent colour to the 8 bits that Pillow scales the pixels to, but not this colour."""
    color = image.info.get("transparency")
    depth = image.tile[0].args if image.format == "PNG" and image.tile else None
    if depth in ("L;2", "L;4"):
        image.info |= {} if color is None else {"transparency": color * (85 if depth == "L;2" else 17)}
    elif depth == "RGB;16B" and color is not None:
        image.info["transparency"] = tuple(value >> 8 for value in color)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scales grey of 9 to 16 bits to 8; Pillow's `convert` would clip it."""
    tags = image.tag_v2 if image.format == "TIFF" else {}
    white = 2 ** min(16, tags.get(BITS_PER_SAMPLE, (16,))[0]) - 1
    values = np.asarray(image).astype(np.int32)
    if values.min() < 0 or values.max() > white:
        raise Unreadable("its values are not those of 16 bits")
    grey = ((values * 255 + white // 2) // white).astype(np.uint8)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = 255 - grey
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(grey)


def _over_white(image: Image.Image) -> Image.Image:
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
