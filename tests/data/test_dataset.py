import errno
import hashlib
import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ml_collections import ConfigDict
from PIL import Image
from support import ROOT, load

from jaxgan.data import cache
from jaxgan.data.dataset import export, find_prepared, prepare
from jaxgan.data.fitting import fit
from jaxgan.data.toons.sketches import draw, held_out_scenes
from jaxgan.data.writing import ArrayFile, SetWriter
from jaxgan.errors import UserError
from jaxgan.prepare import main as prepare_command

CHARACTERS = ("bob", "eve")
DRAWN = ("sketches", "colourings", "toons")


def picture(seed: int, size=(28, 28), mode="RGB") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


def members(count: int = 8, start: int = 0) -> dict[str, bytes]:
    """The layout of GitHub's archive, with greyscale copies that must be passed over."""
    files = {}
    for split in ("train", "test"):
        for number, character in enumerate(CHARACTERS):
            for index in range(count):
                seed = start + len(files)
                mode = "L" if index == 0 else "RGB"
                files[f"repo-master/dataset/rgb/{split}/{character}/pic_{index}.png"] = picture(seed, mode=mode)
                files[f"repo-master/dataset/grayscale/{split}/{character}/pic_{index}.png"] = picture(number)
    return files


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return write_zip(tmp_path_factory.mktemp("data") / "simpsons.zip", members())


def mnist(path, **fields):
    return load("began", data__name="simpsons_mnist", data__dir=path, data__limit=100, **fields).data


def test_simpsons_mnist_from_an_archive(archive):
    dataset = prepare(mnist(archive))
    assert dataset.names == ["bob", "eve"]
    assert dataset.train.image.shape == dataset.held_out.image.shape == (16, 32, 32, 3)
    assert sorted(dataset.train.label) == [0] * 8 + [1] * 8


def test_an_unpacked_archive_gives_the_same_images(archive, tmp_path):
    zipfile.ZipFile(archive).extractall(tmp_path)
    folder, packed = prepare(mnist(tmp_path)), prepare(mnist(archive))
    sort = lambda images: sorted(image.tobytes() for image in images)
    assert sort(folder.train.image) == sort(packed.train.image)
    assert sort(folder.held_out.image) == sort(packed.held_out.image)


def test_another_archive_of_the_same_name_is_prepared_anew(tmp_path):
    path = write_zip(tmp_path / "a.zip", members())
    first = prepare(mnist(path))
    second = prepare(mnist(write_zip(path, members(start=1000))))
    assert first.fingerprint != second.fingerprint
    assert not np.array_equal(first.train.image, second.train.image)


def test_sizes_channels_and_limit(archive):
    data = mnist(archive, data__image_size=64, data__channels=1)
    data.limit = 5
    dataset = prepare(data)
    assert dataset.train.image.shape == (5, 64, 64, 1)
    assert dataset.held_out.image.shape == (16, 64, 64, 1)


def test_preparing_is_done_once(archive, monkeypatch):
    first = prepare(mnist(archive))
    monkeypatch.setattr("jaxgan.data.dataset._write", None)
    assert prepare(mnist(archive)).fingerprint == first.fingerprint


def test_a_cache_is_shared_and_what_is_damaged_in_it_is_named(archive, monkeypatch, tmp_path):
    """Shared with whom the folders' owner lets in; damaged by whoever deletes old files there."""
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    prepare(mnist(archive))
    (info,) = tmp_path.rglob("info.json")
    assert info.parent.stat().st_mode == info.parents[1].stat().st_mode
    for damage in (lambda: (info.parent / "train_image.npy").write_bytes(b"\x93NUMPY"), info.unlink):
        damage()
        with pytest.raises(UserError, match=rf"{info.parent} is damaged \(.*\): delete it, and the images are prep"):
            prepare(mnist(archive))


def test_runs_of_a_process_share_what_is_open_and_no_limit_is_called_damage(archive, monkeypatch, tmp_path):
    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    prepare(mnist(archive))
    opened = len(os.listdir("/dev/fd"))
    kept = [prepare(mnist(archive)) for _ in range(5)]
    assert len(os.listdir("/dev/fd")) == opened
    assert len({dataset.fingerprint for dataset in kept}) == 1

    def refuse(path, mmap_mode):
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    os.utime(next(tmp_path.rglob("info.json")), (1, 1))  # so that it is opened anew
    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        prepare(mnist(archive))


def test_toons_are_drawn_as_far_as_needed_and_split_by_content():
    data = load("began", data__limit=40).data
    dataset = prepare(data)
    assert dataset.train.image.shape == (40, 32, 32, 3)
    assert 1 <= len(dataset.held_out.image) < 20
    assert len(dataset.names) == 10
    assert cache.folder("tfds", "toons", "66").exists()


def test_sketches_and_colourings_are_pairs_of_scenes_that_no_toon_has():
    sketches, colourings, toons = (prepare(load("began", data__name=name, data__limit=40).data) for name in DRAWN)
    assert sketches.train.image.shape == (40, 32, 32, 3)
    assert len(sketches.held_out.label) == 7
    for ours, theirs in zip((sketches.train, sketches.held_out), (colourings.train, colourings.held_out), strict=True):
        np.testing.assert_array_equal(ours.label, theirs.label)
    ink = lambda split: 255 - np.asarray(split.image).astype(float).mean(-1)
    alike = np.corrcoef(*(ink(split).reshape(len(split.label), -1) for split in (sketches.train, colourings.train)))
    partners, others = alike[:40, 40:].diagonal(), alike[:40, 40:][~np.eye(40, dtype=bool)]
    assert partners.mean() > others.mean() + 0.1
    for split in (sketches.held_out, colourings.held_out):  # what evaluation draws again to compare with
        drawing = "sketches" if split is sketches.held_out else "colourings"
        again = draw(drawing, held_out_scenes(np.arange(len(split.label))), (32, 32, 3))
        np.testing.assert_array_equal(again, split.image)
    seen = {image.tobytes() for image in colourings.train.image}
    assert not seen & {image.tobytes() for image in toons.train.image}


def test_exported_arrays_are_the_same_set(archive, tmp_path):
    dataset = prepare(mnist(archive))
    export(dataset, tmp_path / "set.npz")
    again = prepare(load("began", data__name="arrays", data__dir=tmp_path / "set.npz").data)
    assert again.fingerprint == dataset.fingerprint
    assert again.names == dataset.names
    np.testing.assert_array_equal(again.train.image, dataset.train.image)


def test_arrays_without_a_split_hold_out_about_a_tenth_by_content(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (400, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=np.concatenate([image, image]))
    dataset = prepare(load("began", data__name="arrays", data__dir=tmp_path / "a.npz", data__limit=1000).data)
    assert 0.05 < len(dataset.held_out.label) / 800 < 0.15
    held_out, train = ({row.tobytes() for row in split.image} for split in (dataset.held_out, dataset.train))
    assert not held_out & train  # copies of an image fall on the same side
    assert dataset.names == ["0"]


def test_copies_are_counted(tmp_path, capsys):
    image = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=np.concatenate([image, image[:7], image[:5]]))
    data = load("began", data__name="arrays", data__dir=tmp_path / "a.npz").data
    assert prepare(data).duplicates == prepare(data).duplicates == 12
    overrides = [f"--config.data.{field}={data[field]}" for field in ("name", "dir")]
    prepare_command([f"--config={ROOT}/configs/began.py:tiny", *overrides])
    assert "images that are copies of another: 12" in capsys.readouterr().out


def test_blank_images_of_different_shapes_are_no_copies(tmp_path):
    blank = np.zeros((20, 8, 4, 3), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (20, 8, 4, 3), np.uint8)
    writer = SetWriter(tmp_path, (4, 4, 3), "crop")
    with writer:
        for image in (blank[0], blank[1], blank[0].reshape(4, 8, 3), noise[0], noise[1]):
            writer.add(image, "a", None)
    assert (writer.count, writer.duplicates) == (5, 1)


def test_the_fingerprint_is_that_of_all_arrays(archive):
    dataset = prepare(mnist(archive))
    arrays = (*dataset.train, *dataset.held_out)
    assert dataset.fingerprint == hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def test_growing_array_files_are_those_of_numpy(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (123, 4, 5, 3), np.uint8)
    with ArrayFile(tmp_path / "a.npy", (4, 5, 3), np.uint8) as file:
        for row in rows:
            file.append(row[None])
        file.finish()
        assert b"".join(file.content()) == rows.tobytes()
    np.save(tmp_path / "b.npy", rows)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_a_full_disk_is_named(tmp_path):
    rows = np.zeros((1000, 64, 64, 3), np.uint8)
    with (
        pytest.raises(OSError, match="No space left on device") as error,
        ArrayFile(Path("/dev/full"), (), "u1") as file,
    ):
        file.append(rows)
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, "/dev/full")


def test_what_is_not_square_is_cropped_or_padded():
    """80x40 px with grey ends: the square of 40x40 is black; at 32x16 there is room for 8 rows above and below.

    Next to an edge the resampling sees both sides.
    """
    wide = np.full((40, 80, 3), 100, np.uint8)
    wide[:, 20:60] = 0
    for image, turned in ((wide, lambda fitted: fitted), (wide.swapaxes(0, 1), lambda fitted: fitted.swapaxes(0, 1))):
        assert not turned(fit(image, (32, 32, 3), "crop"))[:, 2:30].any()
        padded = turned(fit(image, (32, 32, 3), "pad"))
        assert (padded[:8] == 255).all()
        assert (padded[24:] == 255).all()
        assert (padded[8:24, :6] == 100).all()
        assert (padded[8:24, 10:22] == 0).all()


def test_fitting_is_part_of_what_is_prepared(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 60, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=image)
    data = load("began", data__name="arrays", data__dir=tmp_path / "a.npz").data
    cropped, padded = prepare(data), prepare(ConfigDict({**data, "fit": "pad"}))
    assert cropped.fingerprint != padded.fingerprint
    assert (padded.train.image[:, 0] == 255).all()


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 3]), st.sampled_from([1, 3]))
@example(1, 5000, 3, 3)
@example(5000, 1, 1, 3)
def test_any_size_fits(height, width, before, after):
    image = np.zeros((height, width, before), np.uint8)
    for how in ("crop", "pad"):
        assert fit(image, (32, 32, after), how).shape == (32, 32, after)


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\3\4 no")
    with pytest.raises(UserError, match=r"a\.npz is no whole \.npz"):
        prepare(load("began", data__name="arrays", data__dir=tmp_path / "a.npz").data)
    (tmp_path / "a.zip").write_bytes(b"PK\3\4 no")
    with pytest.raises(UserError, match=r"a\.zip is no whole zip"):
        prepare(mnist(tmp_path / "a.zip"))


def test_an_archive_damaged_inside_names_the_image(tmp_path):
    path = write_zip(tmp_path / "a.zip", members())
    content = bytearray(path.read_bytes())
    for position in range(100, 400):
        content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"a\.zip: 1 file is not a readable image: repo-master/.*\.png \(damaged in the"
    ):
        prepare(mnist(path))


def test_a_corrupt_image_is_named_and_nothing_is_left_half_prepared(tmp_path):
    files = members()
    damaged = "repo-master/dataset/rgb/train/eve/pic_3.png"
    files[damaged] = files[damaged][:200]
    data = mnist(write_zip(tmp_path / "a.zip", files))
    for _ in range(2):
        with pytest.raises(
            UserError, match=f"a.zip: 1 file is not a readable image: {damaged} \\(.*data.unreadable=skip"
        ):
            prepare(data)
    files[damaged] = picture(5)
    assert len(prepare(mnist(write_zip(tmp_path / "a.zip", files))).train.label) == 16


def test_damaged_images_of_both_splits_are_named_together_or_left_out(tmp_path, capsys):
    files = members()
    damaged = [f"repo-master/dataset/rgb/{split}/pic_3.png" for split in ("train/eve", "test/bob")]
    files |= dict.fromkeys(damaged, b"")
    data = mnist(write_zip(tmp_path / "a.zip", files))
    with pytest.raises(UserError, match=r"2 files are not .*: .*eve/pic_3.png \(empty file\), .*bob/pic_3.png"):
        prepare(data)
    data.unreadable = "skip"
    for size in (32, 64):
        data.image_size = size
        dataset = prepare(data)
        assert (len(dataset.train.label), len(dataset.held_out.label), dataset.skipped) == (15, 15, 2)
    assert "eve/pic_3.png (empty file)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        (
            "tones",
            None,
            "no data set 'tones': data.name is one of toons, sketches, colourings, simpsons_faces, ",
        ),
        ("arrays", None, "needs data.dir"),
        ("arrays", "/nowhere.npz", "no file '/nowhere.npz'"),
        ("simpsons_mnist", "/nowhere.zip", "no file or folder '/nowhere.zip'"),
        ("simpsons_faces", "/nowhere.zip", "no file or folder '/nowhere.zip'"),
        ("folder", "/nowhere", "no file or folder '/nowhere'"),
        ("folder", None, "needs data.dir=FOLDER"),
    ],
)
def test_missing_sets(name, path, said):
    data = load("began").data
    data.name, data.dir = name, path
    with pytest.raises(UserError, match=said):
        prepare(data)


def test_a_folder_of_another_layout(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(0))
    with pytest.raises(UserError, match="no images in train/<character>/"):
        prepare(mnist(tmp_path))


def test_without_tensorflow_the_remedy_is_named(archive, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    data = mnist(archive, data__image_size=128)
    with pytest.raises(UserError, match=r"needs tensorflow .* data.name=arrays"):
        prepare(data)


def test_a_disk_that_fills_up_while_preparing(monkeypatch):
    """TFDS wraps TensorFlow's error in another."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def fill(self):
        raise RuntimeError("Failed to finalize") from tf.errors.ResourceExhaustedError(None, None, "No space left")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fill)
    with pytest.raises(OSError, match="No space left on device") as error:
        prepare(load("began", data__limit=30).data)
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(cache.folder("tfds"))


@pytest.mark.parametrize(("name", "side"), [("lfw", 150), ("celeb_a", 148)])
def test_photos_are_cut_to_the_head(name, side, monkeypatch):
    """As TFDS would read them, but that each is black, with a white square in the middle."""
    import tensorflow_datasets as tfds

    def photos(self, split, shuffle_files):
        for number in range(40):
            image = np.zeros(self.info.features["image"].shape, np.uint8)
            height, width, _ = image.shape
            top, left = (height - side) // 2, (width - side) // 2
            image[top : top + side, left : left + side] = 255 - number
            yield {"image": image}

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", lambda self: None)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "as_dataset", photos)
    monkeypatch.setattr(tfds, "as_numpy", lambda rows: rows)
    monkeypatch.setattr("tensorflow_datasets.core.DatasetInfo.splits", {"train": None, "test": None})
    dataset = prepare(load("began", data__name=name).data)
    assert dataset.names == [name]
    np.testing.assert_array_equal(dataset.train.image[:, 0, 0, 0], 255 - np.arange(40))
    assert (np.ptp(dataset.train.image, (1, 2)) == 0).all()
    assert len(dataset.held_out.image) == 40


@pytest.mark.parametrize(
    "error", [FileExistsError("Cannot rename"), OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))]
)
def test_what_another_process_has_prepared_meanwhile_is_read(error, monkeypatch, tmp_path):
    """TFDS does not expect that; it looks whether the other's is there, and then renames its own to the same."""
    import tensorflow_datasets as tfds

    prepare_it = tfds.core.DatasetBuilder.download_and_prepare

    def come_second(self):
        prepare_it(self)
        raise error

    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", come_second)
    assert len(prepare(load("began", data__limit=31).data).train.label) == 31


def test_other_errors_of_files_while_preparing_are_no_others_work(monkeypatch, tmp_path):
    import tensorflow_datasets as tfds

    def fail(self):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(OSError, match="Input/output error"):
        prepare(load("began", data__limit=32).data)


def test_what_another_process_has_put_into_the_cache_meanwhile_is_read(archive, monkeypatch, tmp_path):
    rename = os.rename

    def come_second(temporary, folder):
        shutil.copytree(temporary, folder)
        rename(temporary, folder)

    monkeypatch.setenv("JAXGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "rename", come_second)
    dataset = prepare(mnist(archive))
    (prepared,) = tmp_path.glob("arrays/*/*/*")
    assert len(dataset.train.label) == 16
    rename(prepared, prepared.with_name(f".{prepared.name}.unfinished-here"))
    with pytest.raises(UserError, match="not prepared on this machine"):
        find_prepared(dataset.name, dataset.fingerprint)


@pytest.mark.parametrize("name", ["/toons", "../toons", "toons/x", "*", ""])
def test_a_set_whose_name_is_none_is_not_prepared(name):
    with pytest.raises(UserError, match="not prepared on this machine: run python -m jaxgan.prepare"):
        find_prepared(name, prepare(load("began", data__limit=40).data).fingerprint)


def test_photos_that_cannot_be_fetched_name_another_way(monkeypatch):
    import requests
    import tensorflow_datasets as tfds

    def refuse(self):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse)
    with pytest.raises(UserError, match=r"lfw cannot be fetched \(no route\).* data.name=folder"):
        prepare(load("began", data__name="lfw", data__image_size=64).data)


def test_a_failed_download_names_the_address(monkeypatch):
    import requests
    import tensorflow_datasets as tfds

    def refuse(self, url):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(tfds.download.DownloadManager, "download", refuse)
    data = load("began", data__name="simpsons_mnist").data
    with pytest.raises(UserError, match=r"https://github.com/.* cannot be fetched \(no route\).* data.dir"):
        prepare(data)
