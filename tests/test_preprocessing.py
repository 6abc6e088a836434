import jax
import jax.numpy as jnp
import numpy as np
import pytest
from operators import draw

from jaxgan import preprocessing
from jaxgan.fields import base
from jaxgan.preprocessing import disc, normalise_contrast, standardise, whiten


def test_whitening_evens_out_the_spectrum_of_natural_images():
    """Amplitudes that fall as 1 / f become exp(-(f / f0)^n)."""
    frequency = np.hypot(np.fft.fftfreq(24)[:, None], np.fft.rfftfreq(20))
    phases = np.fft.rfft2(np.random.default_rng(0).normal(size=(24, 20)))
    phases /= np.abs(phases)
    image = np.fft.irfft2(phases / np.where(frequency, frequency, 1), (24, 20))
    amplitude = np.abs(np.fft.rfft2(jax.jit(lambda x: whiten(x, 0.3, 4.0))(image[None, :, :, None])[0, :, :, 0]))
    assert amplitude[0, 0] == pytest.approx(0, abs=1e-4)
    inner = np.s_[1:12, 1:10]
    np.testing.assert_allclose(amplitude[inner], np.exp(-((frequency / 0.3) ** 4))[inner], atol=1e-4)


def test_contrast_becomes_alike_everywhere():
    """A pattern three times as strong at one side, on a slope; what is weaker than the mean is not blown up."""
    pattern = np.random.default_rng(0).normal(size=(1, 32, 32, 3))
    pattern[:, :, :16] *= 3
    slope = np.linspace(0, 50, 32)[None, :, None, None]
    found = jax.jit(lambda x: normalise_contrast(x, 9, 0.5))(jnp.float32(pattern + slope))
    inner = found[:, 6:-6, 6:-6]
    left, right = inner[:, :, :7].std(), inner[:, :, -7:].std()
    assert left / right < 2.3 < 2.8 < pattern[:, :, :16].std() / pattern[:, :, 16:].std()
    assert abs(inner.mean()) < 0.1
    np.testing.assert_allclose(
        found * 1.0, normalise_contrast(jnp.float32(5 * (pattern + slope) + 7), 9, 0.5), atol=1e-3
    )


def test_the_surroundings_are_a_weighted_mean():
    image = jnp.zeros((1, 9, 9, 1)).at[0, 4, 4, 0].set(1.0)
    found = preprocessing._surroundings(image, 5, 0.5)[0, 2:7, 2:7, 0]
    line = np.exp(-((np.array([-1, -0.5, 0, 0.5, 1]) / 0.5) ** 2) / 2)
    np.testing.assert_allclose(found, np.outer(line, line) / line.sum() ** 2, atol=1e-6)


def test_standardised_images():
    found = standardise(jnp.float32(3 + 5 * draw(0, 2, 8, 8, 3)))
    np.testing.assert_allclose(found.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std((1, 2, 3)), 1, atol=1e-5)
    assert jnp.all(standardise(jnp.ones((1, 4, 4, 1))) == 0)


@pytest.mark.parametrize("shape", [(28, 28), (32, 32), (56, 46)])
def test_a_flat_image_is_seen_as_nothing_and_a_faint_one_as_well_as_any(shape):
    data = base("sdpc").data
    see = jax.jit(lambda x: preprocessing.preprocess(x, data))
    flat = jnp.full((1, *shape, 3), 0.5)
    assert jnp.all(see(flat) == 0)
    assert see(flat.at[0, 9, 9, 0].add(2 / 255)).std() == pytest.approx(1, abs=0.3)


def test_the_disc_touches_the_edges():
    mask = disc((20, 30))[..., 0]
    assert mask.mean() == pytest.approx(np.pi / 4, abs=0.02)
    assert mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any()
    assert not mask[0, 0] and not mask[-1, -1]
    np.testing.assert_array_equal(mask, mask[::-1, ::-1])
