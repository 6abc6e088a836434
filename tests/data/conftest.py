"""Property tests are as fast as the rest and leave nothing in the working tree."""

import tempfile

import hypothesis
from hypothesis.configuration import set_hypothesis_home_dir

_HOME = tempfile.TemporaryDirectory(prefix="jaxgan-hypothesis-")
set_hypothesis_home_dir(_HOME.name)
hypothesis.settings.register_profile("jaxgan", database=None, deadline=None, max_examples=100)
hypothesis.settings.load_profile("jaxgan")
