import io
import struct
import zlib

import numpy as np
import PIL
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from jaxgan.data import decoding
from jaxgan.data.decoding import Unreadable, decode

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on damaged files

# Which modes Pillow writes to which format.
MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16"),
    "PPM": ("1", "L", "RGB", "I;16"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
}
if PIL.__version__ < "13":
    MODES["TIFF"] = tuple(mode for mode in MODES["TIFF"] if mode != "YCbCr")  # which it writes and cannot read
KINDS = [(kind, mode) for kind, modes in MODES.items() for mode in modes]


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def random_picture(mode: str, width: int, height: int, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 2**16, (height, width), np.uint16))
    if mode == "LAB":
        return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8), "LAB")
    return Image.fromarray(rng.integers(0, 256, (height, width, 4), np.uint8)).convert(mode)


def orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = number
    return exif


def png(width: int, depth: int, color: int, row: bytes, transparent: bytes) -> bytes:
    """A PNG of one row, as Pillow cannot write it (PNG 1.2, chapter 4)."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, 1, depth, color, 0, 0, 0),
        b"tRNS": transparent,
        b"IDAT": zlib.compress(b"\0" + row),
        b"IEND": b"",
    }
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@given(st.sampled_from(KINDS), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_every_kind_mode_and_size(kind_and_mode, width, height, seed):
    kind, mode = kind_and_mode
    image = decode(encoded(random_picture(mode, width, height, seed), kind))
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_colours_stay_what_they_are(kind):
    picture = random_picture("RGB", 5, 7, 0)
    np.testing.assert_array_equal(decode(encoded(picture, kind)), np.asarray(picture))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bits_are_scaled(kind):
    """65535 is white: 32768 / 65535 * 255 = 127.502, 128 / 65535 * 255 = 0.498."""
    picture = Image.fromarray(np.array([[0, 128, 129, 32768, 65535]], np.uint16))
    assert decode(encoded(picture, kind))[0].tolist() == [[v, v, v] for v in (0, 0, 1, 128, 255)]


def test_maxval_of_pgm_is_white():
    assert decode(b"P2 3 1 1000 0 500 1000")[0, :, 0].tolist() == [0, 128, 255]
    assert decode(b"P5 2 1 4095\n" + struct.pack(">2H", 4095, 0))[0, :, 0].tolist() == [255, 0]
    assert decode(b"P1 2 1 1 0")[0, :, 0].tolist() == [0, 255]


def tiff(values: np.ndarray, **tags: int) -> bytes:
    """A TIFF of uint16 (h, w), with tags changed that Pillow does not write otherwise (TIFF 6.0, section 2)."""
    content = encoded(Image.fromarray(values), "TIFF")
    for name, value in tags.items():
        tag, written = {"bits": (258, 16), "photometric": (262, 1)}[name]
        before, after = (struct.pack("<HHIHxx", tag, 3, 1, number) for number in (written, value))
        assert before in content
        content = content.replace(before, after)
    return content


def test_tiff_whose_white_is_zero():
    assert decode(tiff(np.array([[0, 65535]], np.uint16), photometric=0))[0, :, 0].tolist() == [255, 0]


def test_tiff_of_12_bits():
    """Two pixels in three bytes, FFF and 000."""
    packed = np.frombuffer(b"\xff\xf0\x00\x00", "<u2").reshape(1, 2)
    assert decode(tiff(packed, bits=12))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.new("RGBA", (1, 1), (200, 0, 100, 128)), (227, 127, 177)),  # (200 * 128 + 255 * 127) / 255 = 227.4
        (Image.new("RGBA", (1, 1), (9, 9, 9, 0)), (255, 255, 255)),
        (Image.new("RGBA", (1, 1), (9, 8, 7, 255)), (9, 8, 7)),
        (Image.new("LA", (1, 1), (100, 128)), (177, 177, 177)),  # 255 - 155 * 128 / 255 = 177.2
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_alpha_is_laid_over_white(picture, expected, kind):
    assert decode(encoded(picture, kind))[0, 0].tolist() == list(expected)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palettes_transparent_colour_is_white(kind):
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    assert decode(encoded(picture, kind, transparency=0))[0].tolist() == [[255, 255, 255], [40, 50, 60]]


def test_a_palette_with_alpha():
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 0, 100, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    image = decode(encoded(picture, "PNG", transparency=bytes([128, 255])))
    assert image[0].tolist() == [[227, 127, 177], [40, 50, 60]]


@pytest.mark.parametrize(
    ("mode", "transparent", "other"), [("1", 0, 255), ("L", 7, 9), ("RGB", (1, 2, 3), (1, 2, 4)), ("I;16", 257, 771)]
)
def test_a_pngs_transparent_colour_is_white(mode, transparent, other):
    picture = Image.new(mode, (2, 1), other)
    picture.putpixel((0, 0), transparent)
    image = decode(encoded(picture, "PNG", transparency=transparent))
    expected = {"1": [255] * 3, "L": [9] * 3, "RGB": [1, 2, 4], "I;16": [3] * 3}[mode]
    assert image[0].tolist() == [[255, 255, 255], expected]


def test_a_pngs_transparent_colour_at_other_depths():
    grey2 = png(4, 2, 0, bytes([0b00_01_10_11]), struct.pack(">H", 1))
    assert decode(grey2)[0, :, 0].tolist() == [0, 255, 170, 255]
    grey4 = png(2, 4, 0, bytes([0x0F]), struct.pack(">H", 0))
    assert decode(grey4)[0, :, 0].tolist() == [255, 255]
    rgb16 = png(2, 16, 2, struct.pack(">6H", 1000, 2000, 3000, 65535, 0, 0), struct.pack(">3H", 1000, 2000, 3000))
    assert decode(rgb16)[0].tolist() == [[255, 255, 255], [255, 0, 0]]


# Where the corners 1 2 / 3 4 of the stored image are seen (EXIF 2.3, 4.6.4 A).
UPRIGHT = {1: "1234", 2: "2143", 3: "4321", 4: "3412", 5: "1324", 6: "3142", 7: "4231", 8: "2413"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("number", UPRIGHT)
def test_exif_turns(number, kind):
    corners = np.array([[10, 90], [170, 250]], np.uint8).repeat(16, 0).repeat(16, 1)
    image = decode(encoded(Image.fromarray(corners).convert("RGB"), kind, exif=orientation(number)))
    seen = image[8::16, 8::16, 0].ravel()
    assert "".join(str(round((value - 10) / 80) + 1) for value in seen) == UPRIGHT[number]


def test_turning_swaps_the_sides():
    assert decode(encoded(Image.new("RGB", (30, 10)), "JPEG", exif=orientation(6))).shape == (30, 10, 3)


def test_a_damaged_exif_does_not_damage_the_picture():
    content = encoded(Image.new("RGB", (3, 2)), "JPEG", exif=b"Exif\0\0nonsense")
    assert decode(content).shape == (2, 3, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_counts(kind):
    red, blue = (Image.new("RGB", (4, 4), color) for color in ("red", "blue"))
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(red, kind, save_all=True, append_images=[blue], **options)
    assert decode(content)[0, 0].tolist() == [255, 0, 0]


def test_cmyk():
    assert decode(encoded(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF"))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b"no image", "no image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image of a known format"),
        (b"Pf 1 1 1.0\n\0\0\0\0", "floating-point pixels have no known range"),
        (b"P6 9000 9000 255\n", "9000x9000 pixels are more than 67,108,864"),
        (b"P6 99999 99999 255\n", "could be decompression bomb"),
        (encoded(Image.new("RGB", (50, 50)), "JPEG")[:-20], "truncated"),
        (encoded(Image.fromarray(np.array([[-1]], np.int32)), "TIFF"), "not those of 16 bits"),
    ],
)
def test_what_cannot_be_read_says_why_on_one_line(content, said):
    with pytest.raises(Unreadable, match=said) as error:
        decode(content)
    assert str(error.value).splitlines() == [str(error.value)]


def decode_or_refuse(content: bytes) -> None:
    try:
        image = decode(content)
    except Unreadable as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert image.dtype == np.uint8
        assert image.shape[2:] == (3,)


@given(st.binary(max_size=200))
@example(b"GIF89a")
def test_any_bytes(content):
    decode_or_refuse(content)


@given(st.sampled_from(KINDS), st.data())
@settings(max_examples=400)
def test_damaged_files(kind_and_mode, data):
    """Some bytes changed, some at the end lost: no other exception comes out."""
    kind, mode = kind_and_mode
    content = bytearray(encoded(random_picture(mode, 9, 7, 0), kind))
    position = st.integers(0, len(content) - 1)
    for index, value in data.draw(st.lists(st.tuples(position, st.integers(0, 255)), max_size=8)):
        content[index] = value
    decode_or_refuse(bytes(content[: len(content) - data.draw(st.integers(0, len(content)))]))
    decode_or_refuse(bytes(content))


def test_pillow_that_fails_oddly(monkeypatch):
    monkeypatch.setattr(decoding, "_rgb", lambda image: {}["pixels"])
    with pytest.raises(Unreadable, match="pixels"):
        decode(encoded(Image.new("RGB", (1, 1)), "PNG"))
