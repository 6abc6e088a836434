import io
import struct
import zipfile

import numpy as np
import pytest
from support import load

from jaxgan.data.dataset import prepare
from jaxgan.errors import UserError

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)


def prepared(path):
    return prepare(load("began", data__name="arrays", data__dir=path, data__limit=1000).data)


def npy(header: bytes) -> bytes:
    """An array file whose header says anything."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "found nothing"),
        ({"image": np.zeros((4, 8, 8, 3))}, "found float64"),
        ({"image": np.zeros((4, 8, 8), np.uint8)}, "uint8"),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "label": np.zeros(3, int)}, "`label` should be integer"),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "label": np.full(4, 2), "names": np.array(["a", "b"])}, "2 names"),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "label": np.array(list("abab"))}, "`label` should be integer"),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "held_out": np.zeros(4)}, "`held_out` should be bool"),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "held_out": np.zeros(4, bool)}, "4 and 0 images"),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "names": np.array([{}])}, "no whole .npz"),
        ({"image": np.array([{}])}, "no whole .npz"),
        ({"image": np.uint8(3)}, "found uint8"),
        ({"image": np.zeros((0, 8, 8, 3), np.uint8)}, "0 and 0 images"),
        ({"image": np.zeros((4, 0, 8, 3), np.uint8)}, "found uint8 .4, 0, 8, 3."),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "names": np.array(["a", "a"])}, "`names` has 'a' twice"),
        (
            {"image": np.zeros((4, 8, 8, 3), np.uint8), "label": np.full(4, 2**62)},
            "is beyond the 4 images; give `names`",
        ),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "label": np.full(4, -1)}, "labels go from -1"),
        ({"image": np.zeros((4, 8, 8, 3), np.uint8), "label": np.zeros(4, int), "names": np.array(3)[()]}, "4 and 0"),
    ],
)
def test_array_files_of_another_layout(arrays, said, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=said):
        prepare(load("began", data__name="arrays", data__dir=tmp_path / "a.npz").data)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int8])
def test_labels_are_whole_numbers_of_any_kind(dtype, tmp_path):
    image = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2).repeat(3, 3)
    np.savez(tmp_path / "a.npz", image=image, label=np.arange(40).astype(dtype) % 3)
    assert prepared(tmp_path / "a.npz").names == ["0", "1", "2"]


def test_a_single_array_is_no_npz(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(UserError, match=r"a\.npy is no whole \.npz"):
        prepare(load("began", data__name="arrays", data__dir=tmp_path / "a.npy").data)


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"no array",
        npy(b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 8, 8, 3)}\n"),
        npy(b"{'descr': '|u1', 'fortran_order': False, 'shape': (40, 8, 8, 3)}\n"),
        npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (20,)}\n" + b"cos\nsystem\n"),
        npy(b"__import__('os').system('true')\n"),
        npy(b"{'descr': '|u1'}\n"),
        npy(b"{'descr': '|u1', 'fortran_order': False, 'shape': ((40, 8, 8, 3}\n"),
        npy(b"{[]: 1}\n"),
    ],
    ids=["empty", "text", "huge", "short", "pickled", "code", "lacking", "unbalanced", "unhashable"],
)
def test_a_crafted_array_is_refused_in_a_line(member, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("image.npy", member)
    with pytest.raises(UserError, match=r"a\.npz.*(no whole \.npz|`image` should be uint8)"):
        prepared(tmp_path / "a.npz")


def test_an_array_that_is_a_bomb_is_refused(tmp_path):
    """1.5 GiB of zeros, of which nothing is unpacked."""
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("image.npy", "w") as file,
    ):
        for _ in range(3 * 2**6):
            file.write(bytes(2**23))
    with pytest.raises(UserError, match="unpack to 1.5 GiB, as a bomb's do"):
        prepared(tmp_path / "a.npz")


def test_other_members_are_not_read(tmp_path):
    np.savez(tmp_path / "a.npz", image=IMAGE, other=np.array([{}]))
    assert len(prepared(tmp_path / "a.npz").train.image) < 40


@pytest.mark.parametrize("seed", range(20))
def test_damage_anywhere_is_a_line_or_no_harm(seed, tmp_path):
    rng, file = np.random.default_rng(seed), io.BytesIO()
    np.savez_compressed(file, image=IMAGE, label=np.arange(40) % 3, names=np.array(["a", "b", "c"]))
    content = bytearray(file.getvalue())
    if seed % 2:
        content = content[: rng.integers(len(content))]
    for position in rng.integers(0, len(content), 3 * (seed % 2 == 0)):
        content[position] ^= 1 << rng.integers(8)
    (tmp_path / "a.npz").write_bytes(content)
    try:
        prepared(tmp_path / "a.npz")
    except UserError as error:
        assert "\n" not in str(error)
