"""One cache of data and compiled steps for the whole test run, subprocesses included."""

import os
import tempfile
from importlib import metadata

from packaging.version import Version

if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit that of the process which starts them
    _CACHE = tempfile.TemporaryDirectory(prefix="jaxgan-tests-")
    os.environ["JAXGAN_CACHE"] = _CACHE.name
    os.environ["JAX_COMPILATION_CACHE_DIR"] = f"{_CACHE.name}/xla"
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
jax_version = Version(metadata.version("jax"))
# Tests compile more than they compute.
QUICKLY_COMPILED = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if jax_version < Version("0.11"):  # later ones have no such flag
    QUICKLY_COMPILED.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(QUICKLY_COMPILED))
if jax_version < Version("0.10.2"):
    # On some processors it takes each step that it finds compiled for another machine's (jax-ml/jax issue 38445).
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import pytest
from support import Compiled, load

from jaxgan.evaluation import probe

probe.RECIPE = probe.Recipe(width=4, epochs=2, enough=2.0)  # what it learns in seconds is enough to measure by


@pytest.fixture(scope="session")
def began():
    return Compiled(load("began"))


@pytest.fixture(scope="session")
def dcgan():
    return Compiled(load("dcgan"))
