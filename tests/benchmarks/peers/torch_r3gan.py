"""What a user would run instead: one R3GAN training step in eager PyTorch, without augmentation.

The same work as a step of the project's: D by the relativistic loss with both penalties, then G, and an average of its
weights. torch.compile has no second derivatives, which the penalties take. It prints one JSON line.

    python torch_r3gan.py --side 32 --batch 16 --width 64 --blocks 1 --group 16 --latent 64 --steps 5 [--channels-last]
"""

import argparse
import copy
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


def pointwise(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 1, bias=False)


class Block(nn.Module):
    def __init__(self, channels, group):
        super().__init__()
        inner = 2 * channels
        self.first, self.last = pointwise(channels, inner), pointwise(inner, channels)
        self.grouped = nn.Conv2d(inner, inner, 3, padding=1, groups=inner // group, bias=False)
        self.biases = nn.ParameterList([torch.zeros(inner, 1, 1) for _ in range(2)])

    def forward(self, x):
        h = functional.leaky_relu(self.first(x) + self.biases[0], 0.2)
        return x + self.last(functional.leaky_relu(self.grouped(h) + self.biases[1], 0.2))


def larger(x):
    return functional.interpolate(x, scale_factor=2, mode="bilinear")


def smaller(x):
    """Windows of four pixels, weighed 1, 3, 3, 1 along each side."""
    window = torch.tensor([1.0, 3, 3, 1], device=x.device) / 8
    kernel = (window[:, None] * window).expand(x.shape[1], 1, 4, 4)
    return functional.conv2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class Resized(nn.Module):
    def __init__(self, resize):
        super().__init__()
        self.resize = resize

    def forward(self, x):
        return self.resize(x)


class Generator(nn.Module):
    def __init__(self, a, channels, sides):
        super().__init__()
        self.basis, self.start = nn.Parameter(torch.randn(channels[0], 4, 4)), nn.Linear(a.latent, channels[0], False)
        layers = []
        for number in range(len(sides)):
            if number:
                narrow = channels[number - 1] != channels[number]
                layers += [pointwise(channels[number - 1], channels[number])] * narrow + [Resized(larger)]
            layers += [Block(channels[number], a.group) for _ in range(a.blocks)]
        self.body = nn.Sequential(*layers, pointwise(channels[-1], 3))

    def forward(self, z):
        return self.body(self.start(z)[..., None, None] * self.basis)


class Discriminator(nn.Module):
    def __init__(self, a, channels, sides):
        super().__init__()
        layers = [pointwise(3, channels[-1])]
        for number in reversed(range(len(sides))):
            layers += [Block(channels[number], a.group) for _ in range(a.blocks)]
            if number:
                widen = channels[number - 1] != channels[number]
                layers += [Resized(smaller)] + [pointwise(channels[number], channels[number - 1])] * widen
        basis = nn.Conv2d(channels[0], channels[0], 4, groups=channels[0], bias=False)
        self.body = nn.Sequential(*layers, basis, nn.Flatten(), nn.Linear(channels[0], 1, False))

    def forward(self, x):
        return self.body(x)[:, 0]


def main():
    p = argparse.ArgumentParser()
    usual = {"side": 32, "batch": 16, "width": 64, "blocks": 1, "group": 16, "latent": 64, "steps": 5}
    for name, value in usual.items():
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--device", default="cpu")
    p.add_argument("--channels-last", action="store_true")
    a = p.parse_args()

    torch.manual_seed(0)
    sides = [4 << number for number in range(round(math.log2(a.side / 4)) + 1)]
    channels = [min(a.width, a.width * 32 // side) for side in sides]
    layout = torch.channels_last if a.channels_last else torch.contiguous_format
    g, d = (network(a, channels, sides).to(a.device, memory_format=layout) for network in (Generator, Discriminator))
    average = copy.deepcopy(g)
    opt_g, opt_d = (torch.optim.Adam(network.parameters(), 2e-4, betas=(0.0, 0.9)) for network in (g, d))
    image = (torch.rand(a.batch, 3, a.side, a.side, device=a.device) * 2 - 1).contiguous(memory_format=layout)
    latent = lambda: torch.randn(a.batch, a.latent, device=a.device)

    def slopes(outputs, image):
        (slope,) = torch.autograd.grad(outputs.sum(), image, create_graph=True)
        return slope.square().sum((1, 2, 3))

    def step():
        opt_d.zero_grad()
        real, fake = image.detach().requires_grad_(), g(latent()).detach().requires_grad_()
        of_real, of_fake = d(real), d(fake)
        penalty = (slopes(of_real, real) + slopes(of_fake, fake)).mean()
        (functional.softplus(of_fake - of_real).mean() + 0.05 / 2 * penalty).backward()
        opt_d.step()
        opt_g.zero_grad()
        d.requires_grad_(False)
        loss = functional.softplus(d(image) - d(g(latent()))).mean()
        loss.backward()
        d.requires_grad_(True)
        opt_g.step()
        with torch.no_grad():
            for mean, weight in zip(average.parameters(), g.parameters(), strict=True):
                mean.lerp_(weight, 1e-3)
        return loss.item()  # which waits for the device

    for _ in range(2):
        step()
    times = []
    for _ in range(a.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps(vars(a) | {"version": torch.__version__, "ms_per_step": round(1e3 * statistics.median(times), 2)}))


if __name__ == "__main__":
    main()
