import jax
import numpy as np
import pytest
from support import load

from jaxgan import parallel
from jaxgan.data import pipeline
from jaxgan.data.dataset import DataSet, Split
from jaxgan.errors import UserError

SIZE = 10
SETS = ("image", "source")


def take(source: str, count: int, start: int = 0, batch_size: int = 4) -> list[dict]:
    """The batches of so many steps, one at a time."""
    calls = take_calls(source, [1] * count, start, batch_size)
    return [jax.tree.map(lambda array: array[0], batches) for batches in calls]


def take_calls(source: str, counts: list[int], start: int = 0, batch_size: int = 4) -> list[dict]:
    image = np.arange(SIZE * 12, dtype=np.uint8).reshape(SIZE, 2, 2, 3)
    split = Split(image, np.arange(SIZE, dtype=np.int32))
    dataset = DataSet("test", "", [], split, split)
    data = load("began", data__source=source).data
    return list(map(jax.device_get, pipeline.batches(dataset, data, batch_size, start, counts, parallel.mesh())))


def test_both_sources_give_the_same_batches():
    for device, tfdata in zip(take("device", 7), take("tfdata", 7), strict=True):
        assert device["image"].dtype == tfdata["image"].dtype == np.uint8
        assert device["label"].dtype == tfdata["label"].dtype == np.int32
        np.testing.assert_array_equal(device["image"], tfdata["image"])
        np.testing.assert_array_equal(device["label"], tfdata["label"])
        np.testing.assert_array_equal(device["image"][:, 0, 0, 0], device["label"] * 12)


def test_epochs_are_laid_end_to_end():
    """Three epochs of 10 images in batches of 4, of which none is short: 30 = 7 * 4 + 2."""
    labels = np.concatenate([batch["label"] for batch in take("device", 8)])
    epochs = labels[:30].reshape(3, SIZE)
    assert all(sorted(epoch) == list(range(SIZE)) for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


@pytest.mark.parametrize("source", ["device", "tfdata"])
def test_a_later_start_continues_the_order(source):
    for whole, resumed in zip(take(source, 6)[3:], take(source, 3, start=3), strict=True):
        np.testing.assert_array_equal(whole["label"], resumed["label"])


@pytest.mark.parametrize("source", ["device", "tfdata"])
def test_several_steps_at_a_time_are_the_same_batches_stacked(source):
    single, calls = take(source, 8, start=2), take_calls(source, [1, 4, 3], start=2)
    assert [len(batches["label"]) for batches in calls] == [1, 4, 3]
    for name in ("image", "label"):
        stacked = np.concatenate([batches[name] for batches in calls])
        np.testing.assert_array_equal(stacked, [batch[name] for batch in single])


def test_batches_larger_than_the_set():
    (batch,) = take("device", 1, batch_size=25)
    assert np.bincount(batch["label"]).tolist() == np.bincount(batch["label"], minlength=SIZE).tolist()
    assert sorted(batch["label"][:10]) == sorted(batch["label"][10:20]) == list(range(SIZE))


def take_pairs(source: str, paired: bool) -> list[dict]:
    sets = []
    for size in (SIZE, SIZE if paired else 7):
        image = np.broadcast_to(np.arange(size, dtype=np.uint8)[:, None, None, None], (size, 2, 2, 3))
        split = Split(image, np.arange(size, dtype=np.int32))
        sets.append(DataSet("test", "", [], split, split))
    data = load("sketch2toon", data__source=source, data__paired=paired).data
    found = pipeline.batches(sets[0], data, 4, 0, [1] * 7, parallel.mesh(), sets[1])
    return [jax.tree.map(lambda array: array[0], jax.device_get(batch)) for batch in found]


def test_a_translators_two_sets_have_orders_of_their_own():
    for device, tfdata in zip(take_pairs("device", False), take_pairs("tfdata", False), strict=True):
        assert set(device) == {"image", "label", "source"}
        jax.tree.map(np.testing.assert_array_equal, device, tfdata)
    drawn = [np.concatenate([batch[name][:, 0, 0, 0] for batch in take_pairs("device", False)]) for name in SETS]
    assert all(sorted(epoch) == list(range(SIZE)) for epoch in drawn[0][:20].reshape(2, SIZE))
    assert all(sorted(epoch) == list(range(7)) for epoch in drawn[1].reshape(4, 7))
    labels = np.concatenate([batch["label"] for batch in take("device", 7)])
    np.testing.assert_array_equal(drawn[0], labels)  # the set that is learnt is read as ever


@pytest.mark.parametrize("source", ["device", "tfdata"])
def test_pairs_stay_together(source):
    for batch in take_pairs(source, True):
        np.testing.assert_array_equal(batch["image"], batch["source"])


def test_order_is_data_seeds_alone():
    orders = [pipeline.indices(seed, 50, 50, 0).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_auto_keeps_small_sets_on_the_device(monkeypatch):
    chosen = []
    monkeypatch.setattr(pipeline, "device_batches", lambda *_: chosen.append("device") or iter(()))
    monkeypatch.setattr(pipeline, "tfdata_batches", lambda *_: chosen.append("tfdata") or iter(()))
    take("auto", 1)
    monkeypatch.setattr(pipeline, "SHARE_OF_MEMORY", 0)
    take("auto", 1)
    assert chosen == ["device", "tfdata"]


def test_tfdata_without_tensorflow(monkeypatch):
    monkeypatch.setattr(pipeline, "has_tensorflow", lambda: False)
    with pytest.raises(UserError, match="data.source=device"):
        take("tfdata", 1)
