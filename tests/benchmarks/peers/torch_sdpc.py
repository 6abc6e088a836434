"""SDPC's inference as its authors' users run it: PyTorch, autograd through conv_transpose2d, layer after layer.

FISTA on all layers with the authors' steps, 1 / the largest eigenvalue of D D^T; a layer's gradient is taken by
autograd of its own energy, whose feedback term renders the layer above once more. It prints one JSON line with the
seconds of an iteration, of noise; or with the residual after each iteration, of a problem that an .npz holds.

    python torch_sdpc.py --batch 20 --height 56 --width 46 --atoms 32 64 --iterations 20
    python torch_sdpc.py --problem problem.npz --iterations 1000
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch
from torch.nn.functional import conv2d, conv_transpose2d

SIZE = 9  # of noise's atoms
STRIDES = (2, 1)


def dictionary(below, atoms):
    atoms = torch.randn(atoms, below, SIZE, SIZE)
    return atoms / atoms.flatten(1).norm(dim=1)[:, None, None, None]


def render(code, atoms, stride, like):
    extra = [(side - size) % stride for side, size in zip(like.shape[2:], atoms.shape[2:], strict=True)]
    return conv_transpose2d(code, atoms, stride=stride, output_padding=tuple(extra))


def curvature(atoms, stride, like, steps=50):
    image = torch.randn(1, *like.shape[1:])
    for _ in range(steps):
        image = render(conv2d(image / image.norm(), atoms, stride=stride), atoms, stride, image)
    return image.norm()


def energy(layer, images, codes, dictionaries, scale, feedback):
    """Of one layer, in which those beside it are held: v is that of the first of the two."""
    below = scale * codes[0].detach() if layer else images
    error = (below - render(codes[layer], dictionaries[layer], STRIDES[layer], below)).square().sum() / 2
    if layer == 0:
        above = render(codes[1].detach(), dictionaries[1], STRIDES[1], codes[0])
        error = error + feedback / 2 * ((scale * codes[0] - above) / scale).square().sum()
    return error


def gradient(layer, images, codes, *rest):
    codes[layer].requires_grad_(True)
    (found,) = torch.autograd.grad(energy(layer, images, codes, *rest), codes[layer])
    codes[layer].requires_grad_(False)
    return found


def residual(images, codes, dictionaries, scale, lambdas, feedback):
    """How far the codes are from where no layer can lower its energy: the largest slope that is not yet 0."""
    worst = 0.0
    for layer, code in enumerate(codes):
        slope = gradient(layer, images, list(codes), dictionaries, scale, feedback) + lambdas[layer]
        worst = max(worst, float(torch.where(code > 0, slope, slope.clamp(max=0)).abs().max()))
    return worst


def infer(images, dictionaries, scale, lambdas, feedback, iterations, watch=lambda codes: None):
    """Returns the seconds that each iteration took; `watch` sees the codes after each."""
    codes, like = [], images
    for atoms, stride in zip(dictionaries, STRIDES, strict=True):
        shape = [(side - size) // stride + 1 for side, size in zip(like.shape[2:], atoms.shape[2:], strict=True)]
        codes.append(torch.zeros(len(images), len(atoms), *shape))
        like = codes[-1]
    steps = [1 / curvature(*layer) for layer in zip(dictionaries, STRIDES, [images, codes[0]], strict=True)]
    points, momentum, seconds = [code.clone() for code in codes], 1.0, []
    for _ in range(iterations):
        begun = time.perf_counter()
        previous, momentum = momentum, (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        for layer, step in enumerate(steps):
            slope = gradient(layer, images, points, dictionaries, scale, feedback)
            with torch.no_grad():
                code = torch.relu(points[layer] - step * (slope + lambdas[layer]))
                points[layer] = code + (previous - 1) / momentum * (code - codes[layer])
                codes[layer] = code
        if images.is_cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
        watch(codes)
    return seconds


def follow(path, iterations):
    """The residuals of a problem as `tests/benchmarks/sdpc.py` stores it."""
    stored = np.load(path)
    images = torch.from_numpy(stored["images"]).permute(0, 3, 1, 2).contiguous()
    dictionaries = [
        torch.from_numpy(stored[f"dictionary_{layer}"]).permute(3, 2, 0, 1).contiguous() for layer in (1, 2)
    ]
    scale = torch.from_numpy(stored["scale"])[:, None, None]
    lambdas, feedback = stored["lambdas"].tolist(), float(stored["feedback"])
    found = []
    watch = lambda codes: found.append(residual(images, codes, dictionaries, scale, lambdas, feedback))
    infer(images, dictionaries, scale, lambdas, feedback, iterations, watch)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--height", type=int, default=56)
    parser.add_argument("--width", type=int, default=46)
    parser.add_argument("--atoms", type=int, nargs=2, default=(32, 64))
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--problem")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_default_device(options.device)
    if options.problem:
        print(json.dumps({"residuals": follow(options.problem, options.iterations)}))
        return
    images = torch.randn(options.batch, 1, options.height, options.width)
    dictionaries = [dictionary(1, options.atoms[0]), dictionary(*options.atoms)]
    seconds = infer(images, dictionaries, torch.ones(1), (0.5, 1.0), 1.0, options.iterations + 3)
    line = {"peer": "torch", "version": torch.__version__, "ms_per_iteration": 1e3 * statistics.median(seconds[3:])}
    print(json.dumps(vars(options) | line))


if __name__ == "__main__":
    main()
