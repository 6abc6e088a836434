"""How fast a step of CycleGAN is beside eager PyTorch: python tests/benchmarks/cyclegan.py [--peer=PYTHON]

At the sizes of `sketch2toon`, as it is and in its quick preset, and of the paper's batch of one at 128 px; in turn with
it the peer in both memory layouts, by default of this environment (`pip install -e '.[bench]'`). Prints medians over
the rounds.
"""

from beside_pytorch import Training, compare, fields, run

from jaxgan import cli

SIZES = {"sketch2toon:quick": 20, "sketch2toon": 5, "cyclegan": 3}  # and steps a round


def one(name: str, python: str, rounds: int) -> None:
    training = Training(name, SIZES[name])
    flags = fields(training.config, width="width", blocks="blocks", halvings="critic_halvings", identity="identity")
    flags["steps"] = training.steps
    compare(training, "torch_cyclegan", flags, ["", "--channels-last"], python, rounds)


if __name__ == "__main__":
    cli.with_kept_memory()
    run(__doc__, SIZES, one)
