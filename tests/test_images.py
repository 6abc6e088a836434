import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import images


def test_uint8_survives_the_round_trip():
    every = np.arange(256, dtype=np.uint8)
    as_float = images.to_float(jnp.asarray(every))
    assert (as_float.min(), as_float.max()) == (-1, 1)
    np.testing.assert_array_equal(images.to_uint8(as_float), every)
    assert images.to_uint8(np.array([-3.0, 3.0])).tolist() == [0, 255]


def test_half_are_mirrored():
    image = jnp.broadcast_to(jnp.arange(3.0)[None, None, :, None], (1000, 2, 3, 1))
    mirrored = images.augment(jax.random.key(0), image, flip=True)
    flipped = mirrored[:, 0, 0, 0] == 2
    assert 0.4 < flipped.mean() < 0.6
    assert images.augment(jax.random.key(0), image, flip=False) is image
    np.testing.assert_array_equal(mirrored, jnp.where(flipped[:, None, None, None], image[:, :, ::-1], image))


def test_parts_of_enlarged_images():
    image = jnp.broadcast_to(jnp.arange(4.0)[None, None, :, None], (500, 4, 4, 1))
    assert images.crop_enlarged(jax.random.key(0), image, 0) is image
    cut = images.crop_enlarged(jax.random.key(0), image, 6)
    assert cut.shape == image.shape
    enlarged = jax.image.resize(image[:1], (1, 6, 6, 1), "linear")[0, 0, :, 0]
    wanted = {tuple(enlarged[first : first + 4].tolist()) for first in range(3)}
    assert {tuple(row) for row in cut[:, 0, :, 0].tolist()} == wanted


def test_input_noise_has_a_deviation_up_to_the_largest():
    deviations = [images.input_noise(jax.random.key(seed), (4000,), 0.2).std() for seed in range(50)]
    assert 0 < min(deviations) < 0.03
    assert 0.17 < max(deviations) < 0.21


def test_grid_by_hand():
    cells = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
    assert images.grid(cells, columns=2, gap=1)[..., 0].tolist() == [[0, 255, 1], [255, 255, 255], [2, 255, 255]]


def test_pictures_of_different_heights_stand_side_by_side():
    tall, low = np.zeros((3, 1, 1), np.uint8), np.full((1, 1, 1), 7, np.uint8)
    assert images.beside(tall, low, gap=1)[..., 0].tolist() == [[0, 255, 7], [0, 255, 255], [0, 255, 255]]


def test_enlarging_repeats_pixels():
    picture = np.array([[0, 1, 2]], np.uint8)[..., None]
    assert images.enlarge(picture, 4)[..., 0].tolist() == [[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]]
    for width in (1, 3):
        np.testing.assert_array_equal(images.enlarge(picture, width), picture)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_row_has_its_label_at_its_left(channels):
    picture = np.full((68, 50, channels), 99, np.uint8)
    labelled = images.label_rows(picture, ["2", "12,000"])
    np.testing.assert_array_equal(labelled[:, -50:], picture)
    margin = labelled[:, :-50, 0] < 128
    first, second = margin[:34], margin[34:]
    assert 0 < first.sum() < second.sum()
    assert not margin[:, : images.MARGIN // 2].any()
    assert np.flatnonzero(first.any(axis=0)).min() > np.flatnonzero(second.any(axis=0)).min()  # aligned at the right


@pytest.mark.parametrize("channels", [1, 3])
def test_a_title_stands_above(channels):
    picture = np.full((30, 90, channels), 99, np.uint8)
    titled = images.title(picture, "step 12")
    np.testing.assert_array_equal(titled[24:], picture)
    assert (titled[:24] < 128).any()
    assert titled[:24, 70:].min() == 255


def test_arrays_are_made_once_and_anew_where_they_are_damaged(tmp_path, capsys):
    made = []

    def make():
        made.append(1)
        return {"a": np.arange(3)}

    for _ in range(2):
        np.testing.assert_array_equal(images.kept_npz(tmp_path / "a.npz", make)["a"], [0, 1, 2])
    assert (len(made), capsys.readouterr().out) == (1, "")
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-30])
    np.testing.assert_array_equal(images.kept_npz(tmp_path / "a.npz", make)["a"], [0, 1, 2])
    assert len(made) == 2
    assert capsys.readouterr().out.endswith("and made anew\n")


@pytest.mark.parametrize("channels", [1, 3])
def test_files_are_whole_or_untouched(tmp_path, channels, monkeypatch):
    path = tmp_path / "samples" / "a.png"
    image = np.full((4, 6, channels), 7, np.uint8)
    images.save_png(path, image)
    assert Image.open(path).size == (6, 4)
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        images.save_png(path, image + 1)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]
