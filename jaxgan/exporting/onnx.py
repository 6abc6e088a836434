"""ONNX by jax2onnx, held against the run's own images before it is kept."""

import logging

import numpy as np

from jaxgan.errors import UserError
from jaxgan.exporting import Trained

INSTALL = "pip install -e '.[onnx]' && pip install --no-deps jax2onnx"  # which asks for an Orbax older than ours
CLOSE = 1e-4  # largest difference of a value in [-1, 1]
CHECKED = 8  # images


def serialize(trained: Trained) -> bytes:
    """Returns an ONNX model from `latent` (and `label`) to `images`, channels last.

    Raises:
      UserError: the converter is not installed, cannot convert this generator, or gives one that draws other images.
    """
    try:
        import onnxruntime
        from jax2onnx import to_onnx
    except ImportError as error:
        raise UserError(f"ONNX needs more packages ({error}): {INSTALL}") from None
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)  # it tells of shapes that it leaves out
    try:
        model = to_onnx(
            trained.draw,
            trained.inputs("n"),
            model_name="generator",
            input_names=["latent", "label"][: len(trained.inputs(1))],
            output_names=["images"],
        )
    except Exception as error:  # of many kinds, by what it does not know
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"jax2onnx does not convert this generator ({reason}): export it to .stablehlo") from error
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content)
    given, expected = trained.examples(CHECKED)
    names = [value.name for value in session.get_inputs()]
    (drawn,) = session.run(None, dict(zip(names, given, strict=True)))
    error = np.abs(drawn - expected).max() if drawn.shape == expected.shape else np.inf
    if not error < CLOSE:
        raise UserError(f"jax2onnx's model draws other images (error {error:.2g}): export it to .stablehlo")
    return content
