"""SDPC's inference as its authors' users run it: PyTorch, autograd through conv_transpose2d, layer after layer.

FISTA on all layers with the authors' steps, 1 / the largest eigenvalue of D D^T; a layer's gradient is taken by
autograd of its own energy, whose feedback term renders the layer above once more. It prints one JSON line with the
seconds of an iteration.

    python torch_sdpc.py --batch 20 --height 56 --width 46 --atoms 32 64 --iterations 20
"""

import argparse
import json
import statistics
import time

import torch
from torch.nn.functional import conv2d, conv_transpose2d

SIZE = 9  # of the atoms
STRIDES = (2, 1)


def dictionary(below, atoms):
    atoms = torch.randn(atoms, below, SIZE, SIZE)
    return atoms / atoms.flatten(1).norm(dim=1)[:, None, None, None]


def render(code, atoms, stride, like):
    extra = [(side - SIZE) % stride for side in like.shape[2:]]
    return conv_transpose2d(code, atoms, stride=stride, output_padding=tuple(extra))


def curvature(atoms, stride, like, steps=50):
    image = torch.randn(1, *like.shape[1:])
    for _ in range(steps):
        image = render(conv2d(image / image.norm(), atoms, stride=stride), atoms, stride, image)
    return image.norm()


def energy(layer, below, codes, dictionaries, feedback):
    error = (below - render(codes[layer], dictionaries[layer], STRIDES[layer], below)).square().sum() / 2
    if layer + 1 < len(codes):
        above = render(codes[layer + 1], dictionaries[layer + 1], STRIDES[layer + 1], codes[layer])
        error = error + feedback / 2 * (codes[layer] - above).square().sum()
    return error


def infer(images, dictionaries, lambdas, feedback, iterations):
    """Returns the codes and the seconds that each iteration took."""
    codes, like = [], images
    for atoms, stride in zip(dictionaries, STRIDES, strict=True):
        shape = [(side - SIZE) // stride + 1 for side in like.shape[2:]]
        codes.append(torch.zeros(len(images), len(atoms), *shape))
        like = codes[-1]
    steps = [1 / curvature(*layer) for layer in zip(dictionaries, STRIDES, [images, codes[0]], strict=True)]
    points, momentum, seconds = [code.clone() for code in codes], 1.0, []
    for _ in range(iterations):
        begun = time.perf_counter()
        previous, momentum = momentum, (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        for layer, step in enumerate(steps):
            points[layer].requires_grad_(True)
            below = points[layer - 1].detach() if layer else images
            (gradient,) = torch.autograd.grad(energy(layer, below, points, dictionaries, feedback), points[layer])
            with torch.no_grad():
                code = torch.relu(points[layer] - step * (gradient + lambdas[layer]))
                points[layer] = code + (previous - 1) / momentum * (code - codes[layer])
                codes[layer] = code
        if images.is_cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    return codes, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--height", type=int, default=56)
    parser.add_argument("--width", type=int, default=46)
    parser.add_argument("--atoms", type=int, nargs=2, default=(32, 64))
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_default_device(options.device)
    images = torch.randn(options.batch, 1, options.height, options.width)
    dictionaries = [dictionary(1, options.atoms[0]), dictionary(*options.atoms)]
    _, seconds = infer(images, dictionaries, (0.5, 1.0), 1.0, options.iterations + 3)
    line = {"peer": "torch", "version": torch.__version__, "ms_per_iteration": 1e3 * statistics.median(seconds[3:])}
    print(json.dumps(vars(options) | line))


if __name__ == "__main__":
    main()
