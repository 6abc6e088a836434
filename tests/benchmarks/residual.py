"""How fast steps of BigGAN and R3GAN are beside PyTorch: python tests/benchmarks/residual.py [--peer=PYTHON]

At the sizes of the quick presets; in turn with them the peers, eager, in both memory layouts, and BigGAN's compiled
(R3GAN's takes second derivatives, which torch.compile has not), by default of this environment
(`pip install -e '.[bench]'`). Without augmentation and penalties that the peers lack. Prints medians over the rounds.
"""

from beside_pytorch import Training, compare, fields, run

from jaxgan import cli

SIZES = {"biggan:quick": 10, "r3gan:quick": 5}  # and steps a round


def one(name: str, python: str, rounds: int) -> None:
    if name.startswith("r3gan"):
        training = Training(name, SIZES[name], "--config.altered=0", "--config.altered_end=0", "--config.num_classes=0")
        names = {"width": "width", "blocks": "blocks", "group": "group", "latent": "latent_dim"}
        peer, modes = "torch_r3gan", ["", "--channels-last"]
    else:
        training = Training(name, SIZES[name], "--config.diffaugment=False", "--config.r1=0")
        names = {"width": "width", "widest": "widest", "end": "critic_end", "blocks": "critic_blocks"}
        names |= {"d_steps": "d_steps", "classes": "num_classes", "latent": "latent_dim"}
        peer, modes = "torch_biggan", ["", "--channels-last", "--compile"]
    flags = fields(training.config, **names) | {"steps": training.steps}
    compare(training, peer, flags, modes, python, rounds)


if __name__ == "__main__":
    cli.with_kept_memory()
    run(__doc__, SIZES, one)
