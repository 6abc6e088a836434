import numpy as np
from support import load

from jaxgan.drawing import Asked
from jaxgan.latent import mixing


def test_a_latent_has_a_chunk_for_the_start_and_for_each_block():
    assert mixing.chunks(load("biggan")) == 4  # 4 to 32 px are three blocks
    assert mixing.chunks(load("biggan", skip_latent=False)) == 0
    assert mixing.chunks(load("began")) == 0


def test_a_table_has_coarse_chunks_of_its_row_and_fine_ones_of_its_column():
    """Two by two latents of four chunks of one number."""
    latent = np.array([[10.0, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33], [40, 41, 42, 43]])
    found = mixing.mixed(Asked(latent, np.array([1, 2, 3, 4])), 2, 4)
    assert found.latent.tolist() == [
        *([30, 31, 32, 33], [40, 41, 42, 43]),
        *([10, 11, 12, 13], [10, 11, 32, 33], [10, 11, 42, 43]),
        *([20, 21, 22, 23], [20, 21, 32, 33], [20, 21, 42, 43]),
    ]
    assert found.label.tolist() == [3, 4, 1, 1, 1, 2, 2, 2]
    assert mixing.mixed(Asked(latent, None), 2, 4).label is None
