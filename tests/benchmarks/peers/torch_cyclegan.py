"""What a user would run instead: one CycleGAN training step in eager PyTorch.

The same work as a step of the project's: both generators by one optimizer, cycles and, where it is not 0, identity
included, a pool of 50 fakes a domain, then both critics. It prints one JSON line.

    python torch_cyclegan.py --side 32 --batch 4 --width 24 --blocks 3 --halvings 1 --steps 10 [--identity 0.5]
        [--channels-last]
"""

import argparse
import itertools
import json
import random
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


def norm(channels):
    return nn.InstanceNorm2d(channels)


class Block(nn.Module):
    """A residual block of two 3x3 convolutions."""

    def __init__(self, channels):
        super().__init__()
        conv = lambda: nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False)
        self.body = nn.Sequential(conv(), norm(channels), nn.ReLU(), conv(), norm(channels))

    def forward(self, x):
        return x + self.body(x)


def generator(width, blocks):
    layers = [nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect", bias=False), norm(width), nn.ReLU()]
    for inner in (width, 2 * width):
        layers += [nn.Conv2d(inner, 2 * inner, 3, 2, 1, bias=False), norm(2 * inner), nn.ReLU()]
    layers += [Block(4 * width) for _ in range(blocks)]
    for inner in (4 * width, 2 * width):
        up = nn.ConvTranspose2d(inner, inner // 2, 3, 2, 1, output_padding=1, bias=False)
        layers += [up, norm(inner // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"), nn.Tanh())


def critic(width, halvings):
    layers, inner = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)], width
    for layer in range(1, halvings + 1):
        outer = width * min(2**layer, 8)
        stride = 1 + (layer < halvings)
        layers += [nn.Conv2d(inner, outer, 4, stride, 1, bias=False), norm(outer), nn.LeakyReLU(0.2)]
        inner = outer
    return nn.Sequential(*layers, nn.Conv2d(inner, 1, 4, 1, 1))


class Pool:
    """50 earlier fakes."""

    def __init__(self):
        self.images = []

    def exchange(self, fakes):
        shown = []
        for fake in fakes.detach():
            if len(self.images) < 50:
                self.images.append(fake)
                shown.append(fake)
            elif random.random() < 0.5:
                place = random.randrange(50)
                shown.append(self.images[place])
                self.images[place] = fake
            else:
                shown.append(fake)
        return torch.stack(shown)


def main():
    p = argparse.ArgumentParser()
    for name, usual in (("side", 32), ("batch", 4), ("width", 24), ("blocks", 3), ("halvings", 1), ("steps", 10)):
        p.add_argument(f"--{name}", type=int, default=usual)
    p.add_argument("--identity", type=float, default=0.0)
    p.add_argument("--device", default="cpu")
    p.add_argument("--channels-last", action="store_true")
    a = p.parse_args()

    torch.manual_seed(0)
    networks = [generator(a.width, a.blocks) for _ in range(2)] + [critic(a.width, a.halvings) for _ in range(2)]
    layout = torch.channels_last if a.channels_last else torch.contiguous_format
    to_b, to_a, judge_a, judge_b = (network.to(a.device, memory_format=layout) for network in networks)
    adam = lambda *networks: torch.optim.Adam(
        itertools.chain(*(network.parameters() for network in networks)), lr=2e-4, betas=(0.5, 0.999)
    )
    opt_g, opt_d, pools = adam(to_b, to_a), adam(judge_a, judge_b), (Pool(), Pool())
    real = [torch.rand(a.batch, 3, a.side, a.side, device=a.device) * 2 - 1 for _ in range(2)]
    real_a, real_b = (image.contiguous(memory_format=layout) for image in real)
    apart = functional.l1_loss
    right = lambda scores, target: functional.mse_loss(scores, torch.full_like(scores, target))

    def step():
        opt_g.zero_grad()
        judge_a.requires_grad_(False)
        judge_b.requires_grad_(False)
        fake_b, fake_a = to_b(real_a), to_a(real_b)
        cycles = apart(to_a(fake_b), real_a) + apart(to_b(fake_a), real_b)
        changes = apart(to_b(real_b), real_b) + apart(to_a(real_a), real_a) if a.identity else 0
        fooled = right(judge_b(fake_b), 1.0) + right(judge_a(fake_a), 1.0)
        (fooled + 10 * (cycles + a.identity * changes)).backward()
        opt_g.step()
        opt_d.zero_grad()
        for judge, image, fake, pool in ((judge_a, real_a, fake_a, pools[0]), (judge_b, real_b, fake_b, pools[1])):
            judge.requires_grad_(True)
            loss = (right(judge(image), 1.0) + right(judge(pool.exchange(fake)), 0.0)) / 2
            loss.backward()
        opt_d.step()
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
