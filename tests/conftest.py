"""One cache of data and compiled steps for the whole test run, subprocesses included."""

import os
import tempfile

_CACHE = tempfile.TemporaryDirectory(prefix="jaxgan-tests-")
os.environ["JAXGAN_CACHE"] = _CACHE.name
# Tests compile more than they compute.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import pytest
from support import Compiled, load

from jaxgan import parallel

parallel.cache_compilations()


@pytest.fixture(scope="session")
def began():
    return Compiled(load("began"))


@pytest.fixture(scope="session")
def dcgan():
    return Compiled(load("dcgan"))
