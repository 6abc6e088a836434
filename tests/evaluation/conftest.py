import pytest
from support import shapes_set

from jaxgan.evaluation import probe as probes


@pytest.fixture(scope="session")
def dataset():
    return shapes_set()


@pytest.fixture(scope="session")
def probe(dataset):
    return probes.train(dataset, probes.Recipe(width=8, epochs=8, batch_size=32, enough=2.0))
