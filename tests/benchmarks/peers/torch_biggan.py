"""What a user would run instead: one BigGAN training step in PyTorch, eager or compiled.

The same work as a step of the project's: so many steps of D, each on fakes and real images of its own, and one of G, by
hinge losses, with spectral normalisation of all weights, latents in chunks, conditional BatchNorm, projection where
there are classes, orthogonal regularisation and an average of G's weights. It prints one JSON line.

    python torch_biggan.py --side 32 --batch 32 --width 8 --widest 16 --end 4 --blocks 1 --d-steps 3 --classes 0
        --latent 128 --steps 10 [--compile] [--channels-last]
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
from torch.nn.utils.parametrizations import spectral_norm


def conv(inputs, outputs, kernel=3):
    return spectral_norm(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))


class Norm(nn.Module):
    """BatchNorm whose scale and bias a condition gives."""

    def __init__(self, channels, condition):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not condition)
        linear = lambda: spectral_norm(nn.Linear(condition, channels, bias=False))
        self.scale, self.bias = (linear(), linear()) if condition else (None, None)

    def forward(self, x, condition):
        if self.scale is None:
            return self.norm(x)
        return self.norm(x) * (1 + self.scale(condition))[..., None, None] + self.bias(condition)[..., None, None]


class Up(nn.Module):
    def __init__(self, inputs, outputs, condition):
        super().__init__()
        self.first, self.second = conv(inputs, outputs), conv(outputs, outputs)
        self.short = conv(inputs, outputs, 1)
        self.norms = nn.ModuleList([Norm(inputs, condition), Norm(outputs, condition)])

    def forward(self, x, condition):
        larger = lambda x: functional.interpolate(x, scale_factor=2)
        h = self.first(larger(functional.relu(self.norms[0](x, condition))))
        h = self.second(functional.relu(self.norms[1](h, condition)))
        return h + self.short(larger(x))


class Down(nn.Module):
    def __init__(self, inputs, outputs, halve, activate):
        super().__init__()
        self.first, self.second = conv(inputs, outputs), conv(outputs, outputs)
        self.short = conv(inputs, outputs, 1) if halve or inputs != outputs else nn.Identity()
        self.halve, self.activate = halve, activate

    def forward(self, x):
        h = self.second(functional.relu(self.first(functional.relu(x) if self.activate else x)))
        if self.halve:
            return functional.avg_pool2d(h, 2) + self.short(functional.avg_pool2d(x, 2))
        return h + self.short(x)


class Generator(nn.Module):
    def __init__(self, a):
        super().__init__()
        channels = lambda side: a.width * min(a.widest, 128 // side)
        sides = [8 << number for number in range(round(math.log2(a.side / 4)))]
        self.count, self.wide = len(sides) + 1, channels(4)
        chunk = a.latent // self.count
        self.embed = nn.Embedding(a.classes, 128) if a.classes else None
        condition = chunk + (128 if a.classes else 0)
        self.start = spectral_norm(nn.Linear(chunk, 16 * self.wide))
        self.blocks = nn.ModuleList([Up(channels(side // 2), channels(side), condition) for side in sides])
        self.norm, self.end = nn.BatchNorm2d(channels(a.side)), conv(channels(a.side), 3)

    def forward(self, z, label):
        first, *rest = z.chunk(self.count, 1)
        x = self.start(first).view(len(z), self.wide, 4, 4)
        for block, chunk in zip(self.blocks, rest, strict=True):
            x = block(x, torch.cat([self.embed(label), chunk], 1) if self.embed else chunk)
        return torch.tanh(self.end(functional.relu(self.norm(x))))


class Discriminator(nn.Module):
    def __init__(self, a):
        super().__init__()
        channels = lambda side: a.width * min(a.widest, 128 // side)
        sides, inner, blocks = [a.side >> number for number in range(round(math.log2(a.side / a.end)))], 3, []
        for number, side in enumerate(sides + [a.end] * a.blocks):
            blocks.append(Down(inner, channels(side), number < len(sides), number > 0))
            inner = channels(side)
        self.blocks, self.linear = nn.Sequential(*blocks), spectral_norm(nn.Linear(inner, 1))
        self.embed = spectral_norm(nn.Embedding(a.classes, inner)) if a.classes else None

    def forward(self, x, label):
        features = functional.relu(self.blocks(x)).sum((2, 3))
        score = self.linear(features)
        return score + (self.embed(label) * features).sum(1, keepdim=True) if self.embed else score


def orthogonality(network):
    """Of all weights as matrices, the squared products of different rows."""
    total = 0.0
    for name, weight in network.named_parameters():
        if name.endswith("original"):
            rows = weight.flatten(1)
            products = rows @ rows.T
            total = total + products.square().sum() - products.diagonal().square().sum()
    return total


def main():
    p = argparse.ArgumentParser()
    usual = {"side": 32, "batch": 32, "width": 8, "widest": 16, "end": 4, "blocks": 1, "d-steps": 3, "classes": 0}
    for name, value in (usual | {"latent": 128, "steps": 10}).items():
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--device", default="cpu")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--channels-last", action="store_true")
    a = p.parse_args()

    torch.manual_seed(0)
    layout = torch.channels_last if a.channels_last else torch.contiguous_format
    g, d = (network(a).to(a.device, memory_format=layout) for network in (Generator, Discriminator))
    average = copy.deepcopy(g)
    draw, judge = (torch.compile(g), torch.compile(d)) if a.compile else (g, d)
    opt_g, opt_d = (torch.optim.Adam(network.parameters(), 2e-4, betas=(0.0, 0.999)) for network in (g, d))
    shape = a.d_steps, a.batch, 3, a.side, a.side
    real = [image.contiguous(memory_format=layout) for image in torch.rand(shape, device=a.device) * 2 - 1]
    label = torch.arange(a.batch, device=a.device) % max(a.classes, 1)
    latent = lambda: torch.randn(a.batch, a.latent, device=a.device)

    def step():
        for image in real:
            opt_d.zero_grad()
            with torch.no_grad():
                fake = draw(latent(), label)
            of_real, of_fake = judge(torch.cat([image, fake]), torch.cat([label, label])).chunk(2)
            loss = functional.relu(1 - of_real).mean() + functional.relu(1 + of_fake).mean()
            loss.backward()
            opt_d.step()
        opt_g.zero_grad()
        d.requires_grad_(False)
        (-judge(draw(latent(), label), label).mean() + 1e-4 * orthogonality(g)).backward()
        d.requires_grad_(True)
        opt_g.step()
        with torch.no_grad():
            for mean, weight in zip(average.parameters(), g.parameters(), strict=True):
                mean.lerp_(weight, 1e-4)
        return loss.item()  # which waits for the device

    for _ in range(3):
        step()
    times = []
    for _ in range(a.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps(vars(a) | {"version": torch.__version__, "ms_per_step": round(1e3 * statistics.median(times), 2)}))


if __name__ == "__main__":
    main()
