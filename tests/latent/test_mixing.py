import numpy as np
from support import load

from jaxgan import algorithms
from jaxgan.drawing import Asked
from jaxgan.latent import mixing


def test_a_latent_has_a_part_for_the_start_and_for_each_block():
    assert algorithms.make(load("biggan")).latent_parts == 4  # 4 to 32 px are three blocks
    assert algorithms.make(load("biggan", skip_latent=False)).latent_parts == 1
    assert algorithms.make(load("began")).latent_parts == 1


def test_a_table_has_coarse_parts_of_its_row_and_fine_ones_of_its_column():
    """Two by two latents of four parts of one number."""
    latent = np.array([[10.0, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33], [40, 41, 42, 43]])
    found = mixing.mixed(Asked(latent, np.array([1, 2, 3, 4])), 2, 4)
    assert found.latent.tolist() == [
        *([30, 31, 32, 33], [40, 41, 42, 43]),
        *([10, 11, 12, 13], [10, 11, 32, 33], [10, 11, 42, 43]),
        *([20, 21, 22, 23], [20, 21, 32, 33], [20, 21, 42, 43]),
    ]
    assert found.label.tolist() == [3, 4, 1, 1, 1, 2, 2, 2]
    assert mixing.mixed(Asked(latent, None), 2, 4).label is None
