"""Writes a run's generator for use elsewhere, in the format that the file's ending names.

python -m jaxgan.export --workdir=DIR --out=FILE.stablehlo|.onnx|.safetensors|.html [--step=N|best]

.stablehlo   a function of latents, for CPU, CUDA and TPU, which jax.export.deserialize alone runs
.onnx        the same for ONNX Runtime, by jax2onnx
.safetensors all networks' weights, with a model card beside them; --config.init_from= starts from it
.html        one page that draws faces in a browser, offline
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxgan import cli
from jaxgan.errors import UserError
from jaxgan.writing import write_whole

FORMATS = ".stablehlo", ".onnx", ".safetensors", ".html"


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workdir", required=True, help="the run directory")
    parser.add_argument("--out", type=cli.path, required=True, help="the file, whose ending names the format")
    parser.add_argument("--step", type=cli.step, help="which checkpoint: its step, or best; by default the newest")
    parser.add_argument(
        "--runtime", type=cli.path, help="of a page: folder with ONNX Runtime Web's files, else downloaded"
    )
    options = parser.parse_args(arguments)
    if options.out.suffix not in FORMATS:
        raise UserError(f"{options.out}: name a file that ends in {', '.join(FORMATS)}")
    if options.runtime and options.out.suffix != ".html":
        raise UserError("--runtime is for a page: name a file that ends in .html, or leave it out")

    for path, content in export(options).items():
        write_whole(path, content)
        print(f"wrote {path}")


def export(options: argparse.Namespace) -> dict[Path, bytes]:
    """Returns the files' contents. Raises UserError."""
    from jaxgan import exporting  # takes a second

    trained = exporting.load(options.workdir, options.step)
    if options.out.suffix == ".stablehlo":
        from jaxgan.exporting import stablehlo

        return {options.out: stablehlo.serialize(trained)}
    if options.out.suffix == ".onnx":
        from jaxgan.exporting import onnx

        return {options.out: onnx.serialize(trained)}
    if options.out.suffix == ".safetensors":
        from jaxgan.exporting import weights

        card = weights.card(trained, options.out.name).encode()
        return {options.out: weights.serialize(trained), options.out.with_suffix(".safetensors.md"): card}
    from jaxgan.exporting import page

    return {options.out: page.make(trained, options.runtime).encode()}


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
