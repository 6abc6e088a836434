import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image, ImageColor

from jaxgan.data.toons import drawing


def test_a_drawing_is_a_function_of_seed_and_index():
    image, label = drawing.draw(7)
    again, _ = drawing.draw(7)
    assert image.shape == (128, 128, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, again)
    assert not np.array_equal(image, drawing.draw(7, seed=1)[0])
    assert 0 <= label < len(drawing.NAMES)


def test_characters_are_as_frequent_as_declared():
    assert len(drawing.NAMES) == len(drawing.FREQUENCIES) == 10
    assert sum(drawing.FREQUENCIES) == pytest.approx(1)
    assert max(drawing.FREQUENCIES) == pytest.approx(0.20)
    assert min(drawing.FREQUENCIES) == pytest.approx(0.03)
    labels = [drawing.factors(index)["label"] for index in range(2000)]
    found = np.bincount(np.asarray(labels, int), minlength=10) / 2000
    np.testing.assert_allclose(found, drawing.FREQUENCIES, atol=0.04)  # four standard errors


def test_factors_are_what_is_drawn():
    image, label = drawing.draw(3)
    factors = drawing.factors(3)
    assert factors["label"] == label
    np.testing.assert_array_equal(drawing.render(drawing.Factors(**factors)), image)
    assert not np.array_equal(drawing.render(drawing.Factors(**factors | {"angle": 0.0, "dx": 0.03})), image)


@pytest.mark.parametrize("label", range(10))
def test_a_sketch_and_the_drawing_of_a_scene_line_up(label):
    """What is pure ink in the drawing is so in its sketch; what it has besides are thin lines on white."""
    scene = drawing.Factors(label, angle=6, dx=0.04, dy=-0.03, scale=1.05, gaze_x=0.8, mouth=0.5)
    drawn, sketch = drawing.render(scene), drawing.render_sketch(scene)
    ink = np.asarray(ImageColor.getrgb(drawing.INK))
    inked, sketched = (np.all(image == ink, -1) for image in (drawn, sketch))
    assert inked.sum() > 400
    assert np.mean(sketched[inked]) > 0.99
    assert sketched.sum() < 1.3 * inked.sum()
    paper = np.all(sketch == 255, -1)
    assert paper.mean() > 0.6


def test_variation_is_moderate():
    factors = [drawing.factors(index) for index in range(500)]
    spread = {name: np.ptp([f[name] for f in factors]) for name in ("angle", "dx", "dy", "scale")}
    assert 8 < spread["angle"] <= 20
    assert all(0.05 < spread[name] <= 0.15 for name in ("dx", "dy", "scale"))


def test_a_small_classifier_tells_the_characters_apart_at_32_pixels():
    """Softmax regression on pixels, trained on 700 drawings: 97 % of 300 others."""
    images, labels = zip(*(drawing.draw(index) for index in range(1000)), strict=True)
    small = [np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.LANCZOS)) for image in images]
    x, y = jnp.asarray(np.stack(small).reshape(1000, -1) / 127.5 - 1.0, jnp.float32), jnp.asarray(labels)
    optimizer = optax.adam(1e-3)

    def loss(weights):
        return optax.softmax_cross_entropy_with_integer_labels(x[:700] @ weights, y[:700]).mean()

    def step(carry, _):
        weights, state = carry
        updates, state = optimizer.update(jax.grad(loss)(weights), state)
        return (optax.apply_updates(weights, updates), state), None

    weights = jnp.zeros((x.shape[1], 10))
    (weights, _), _ = jax.lax.scan(step, (weights, optimizer.init(weights)), length=150)
    assert jnp.mean(jnp.argmax(x[700:] @ weights, axis=1) == y[700:]) >= 0.97
