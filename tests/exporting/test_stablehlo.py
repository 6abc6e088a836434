import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax import export
from support import Compiled, load, one_config_per_algorithm

from jaxgan import drawing
from jaxgan.exporting import Trained, stablehlo

QUICK = "abegan", "biggan"  # with a latent alone, and with a label
UNTOLD = "small32", "sdpc_shared"  # whose networks could be told classes, and whose draw codes


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in (*QUICK, *UNTOLD) else pytest.mark.slow)
        for name in (*one_config_per_algorithm(generates=True), *UNTOLD)
    ],
)
def test_any_number_of_images_are_those_of_the_run(name):
    compiled = Compiled(load(name))
    state = drawing.settled(compiled.algorithm, compiled.init(jax.random.key(0)))
    names = ["a"] * 10 if compiled.algorithm.sample_label else []
    draw = lambda *given: compiled.algorithm.generate(state, *given)
    config = compiled.config
    trained = Trained(draw, compiled.algorithm, state, config.latent_dim, names, Path(), 0, config, {})
    exported = export.deserialize(bytearray(stablehlo.serialize(trained)))
    assert exported.platforms == stablehlo.PLATFORMS
    for count in (1, 3):
        given, expected = trained.examples(count)
        np.testing.assert_allclose(exported.call(*given), expected, atol=1e-5)


ALONE = """
import sys
sys.modules["jaxgan"] = sys.modules["flax"] = None
import jax, numpy as np
from jax import export
given = np.load("given.npz")
draw = export.deserialize(bytearray(open("g.stablehlo", "rb").read())).call
np.save("drawn.npy", draw(given["latent"]))
"""


def test_the_file_runs_without_the_project(began, tmp_path):
    state = began.init(jax.random.key(0))
    draw = lambda latent: began.algorithm.generate(state, latent)
    trained = Trained(draw, began.algorithm, state, began.config.latent_dim, [], Path(), 0, began.config, {})
    (latent,), expected = trained.examples(5)
    np.savez(tmp_path / "given.npz", latent=latent)
    (tmp_path / "g.stablehlo").write_bytes(stablehlo.serialize(trained))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", ALONE], check=True, cwd=tmp_path, env=environment)
    np.testing.assert_allclose(np.load(tmp_path / "drawn.npy"), expected, atol=1e-5)
