import io
import sys
import types
import zipfile

import numpy as np
import pytest
from PIL import Image
from support import load

from jaxgan.data import cache
from jaxgan.data.dataset import prepare
from jaxgan.data.folder import layout
from jaxgan.data.simpsons import faces
from jaxgan.errors import UserError


def noise(seed: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 32, 3), np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write(folder, names, start: int = 0):
    for seed, name in enumerate(names, start):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(seed))
    return folder


def pack(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(folder))
    return path


def data(path, name="folder", **fields):
    return load("began", data__name=name, data__dir=path, data__limit=1000, **fields).data


@pytest.mark.parametrize(
    ("members", "labels"),
    [
        (["1.png", "2.png"], ["own", "own"]),
        (["set/1.png", "set/2.png"], ["set", "set"]),
        (["bart/1.png", "homer/2.png"], ["bart", "homer"]),
        (["a/set/bart/1.png", "a/set/homer/deep/2.png"], ["bart", "homer"]),
        (["1.png", "homer/2.png"], ["own", "homer"]),
        (["set/1.png", "set/homer/2.png"], ["set", "homer"]),
        (["bar/1.png", "barney/2.png"], ["bar", "barney"]),
        (["./bart/1.png", "homer//2.png"], ["bart", "homer"]),
    ],
)
def test_labels(members, labels):
    assert list(layout(members, "own").values()) == [(label, None) for label in labels]


def test_splits():
    members = ["s/test/bart/1.png", "s/test/2.png", "s/train/bart/3.png", "s/train/homer/deep/4.png"]
    expected = [("bart", True), ("s", True), ("bart", False), ("homer", False)]
    assert list(layout(members, "own").values()) == expected
    assert list(layout([*members, "s/val/bart/5.png"], "own").values()) == [*expected, ("bart", True)]
    assert list(layout(["Test/bart/1.png", "Train/bart/2.png"], "own").values()) == [("bart", True), ("bart", False)]
    assert {held_out for _, held_out in layout([*members, "s/other/5.png"], "own").values()} == {None}
    assert list(layout(["s/train/1.png"], "own").values()) == [("train", None)]


def test_a_folder_with_labels_and_its_archive(tmp_path):
    write(tmp_path / "set", [f"{name}/{index}.png" for name in ("bart", "homer") for index in range(20)])
    (tmp_path / "set" / "homer" / "20.jpg").write_bytes(noise(40, "JPEG"))
    dataset = prepare(data(tmp_path / "set"))
    assert dataset.names == ["bart", "homer"]
    assert len(dataset.train.label) + len(dataset.held_out.label) == 41
    assert len(dataset.held_out.label) >= 1
    (tmp_path / "set" / "homer" / "20.jpg").unlink()
    folder, packed = prepare(data(tmp_path / "set")), prepare(data(pack(tmp_path / "set", tmp_path / "a.zip")))
    assert folder.fingerprint == packed.fingerprint != dataset.fingerprint


def test_splits_of_a_folder(tmp_path):
    write(tmp_path, [f"{split}/{index}.png" for split in ("train", "test") for index in range(3)])
    dataset = prepare(data(tmp_path))
    assert len(dataset.train.label) == len(dataset.held_out.label) == 3
    assert dataset.names == [tmp_path.name]


def test_a_folder_without_labels_has_its_own_name(tmp_path):
    """The name is no part of the content, but another name must not give the names of the first."""
    write(tmp_path / "cats", [f"{index}.png" for index in range(40)])
    assert prepare(data(tmp_path / "cats")).names == ["cats"]
    assert prepare(data(pack(tmp_path / "cats", tmp_path / "lions.zip"))).names == ["lions"]
    (tmp_path / "cats").rename(tmp_path / "dogs")
    assert prepare(data(tmp_path / "dogs")).names == ["dogs"]


def test_unreadable_files_stop_or_are_left_out(tmp_path, capsys):
    write(tmp_path, [f"{index}.png" for index in range(40)])
    (tmp_path / "3.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"1 file is not a readable image: 3.png \(empty file\)"):
        prepare(data(tmp_path))
    skipping = prepare(data(tmp_path, data__unreadable="skip"))
    assert len(skipping.train.label) + len(skipping.held_out.label) == 39
    assert skipping.skipped == prepare(data(tmp_path, data__unreadable="skip")).skipped == 1
    assert "3.png (empty file)" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"3.png \(empty file\)"):
        prepare(data(tmp_path))
    assert not [path for path in cache.folder("arrays").glob("*/.*") if path.is_dir()]


@pytest.mark.parametrize("name", ["folder", "simpsons_faces"])
def test_a_folder_without_images_names_what_is_read(name, tmp_path):
    (tmp_path / "readme.txt").write_text("")
    with pytest.raises(UserError, match=r"holds no image: their names end in .png, .jpg, .*, .gif"):
        prepare(data(tmp_path, name))


def test_images_need_no_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    write(tmp_path, [f"{index}.png" for index in range(40)], start=900)
    assert len(prepare(data(tmp_path)).train.label) > 30


def kaggle_set(folder):
    write(folder, [f"cropped/{index}.png" for index in range(40)])
    return write(folder, [f"simplified/{index}.png" for index in range(30)], start=100)


def test_simpsons_faces_are_the_crops(tmp_path):
    dataset = prepare(data(pack(kaggle_set(tmp_path / "kaggle"), tmp_path / "archive.zip"), "simpsons_faces"))
    assert len(dataset.train.label) + len(dataset.held_out.label) == 40
    assert dataset.names == ["simpsons"]
    crops = prepare(data(tmp_path / "kaggle" / "cropped", "simpsons_faces"))
    assert len(crops.train.label) == len(dataset.train.label)


@pytest.fixture
def kagglehub(monkeypatch):
    """A kagglehub that is installed, and a cache that has never seen it."""
    module = types.ModuleType("kagglehub")
    module.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    note = cache.folder("kaggle", "kostastokis-simpsons-faces")
    note.unlink(missing_ok=True)
    yield module
    note.unlink(missing_ok=True)


def fetch():
    return prepare(load("began", data__name="simpsons_faces", data__limit=1000).data)


def test_simpsons_faces_are_fetched_once(kagglehub, tmp_path):
    handles = []
    kagglehub.dataset_download = lambda handle: handles.append(handle) or str(kaggle_set(tmp_path))
    assert fetch().fingerprint == fetch().fingerprint
    assert handles == ["kostastokis/simpsons-faces"]


def test_without_credentials_the_remedies_are_named(kagglehub):
    def refuse(handle):
        raise RuntimeError("403 Client Error.\n\nYou don't have permission")

    kagglehub.dataset_download = refuse
    said = r"Kaggle \(403 Client Error. You don't have permission\): .* KAGGLE_API_TOKEN .*, or download https://.*zip$"
    with pytest.raises(UserError, match=said):
        fetch()


def test_a_full_disk_is_no_matter_of_credentials(kagglehub):
    def fill(handle):
        raise OSError(28, "No space left on device", "/somewhere")

    kagglehub.dataset_download = fill
    with pytest.raises(OSError, match="No space left"):
        fetch()


def test_without_kagglehub_the_remedies_are_named(kagglehub, monkeypatch):
    monkeypatch.setattr(faces.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"\(kagglehub is not installed\): either pip install kagglehub .*archive.zip"):
        fetch()
