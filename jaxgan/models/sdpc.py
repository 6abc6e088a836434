"""Sparse deep predictive coding: what images look like as sparse codes, layer upon layer.

Boutin, Franciosini, Ruffier, Perrinet 2020, arXiv 2002.00892 (2L-SPC), and Boutin et al. 2021, PLoS Computational
Biology (SDPC). Layer i explains what lies below it, v_(i-1) gamma_(i-1), by its codes gamma_i >= 0 and its dictionary:

  f_i = 1/2 |v_(i-1) gamma_(i-1) - D_i^T gamma_i|^2 + b/2 |(v_i gamma_i - D_(i+1)^T gamma_(i+1)) / v_i|^2

without the second term in the last layer; gamma_0 is the image, v_0 is 1. Inference lowers f_i + lambda_i |gamma_i|_1
in all layers at once, by proximal gradient steps. With b = 0 no layer hears of those above it: the hierarchical Lasso.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.models.atoms import Atoms, atoms, code_shape, curvature

Codes = tuple[jax.Array, ...]  # gamma_1 ... gamma_n, each (B, H_i, W_i, atoms_i) >= 0
Dictionaries = Sequence[jax.Array]  # D_1 ... D_n, each (height, width, channels below, atoms) with atoms of norm 1

POWER_STEPS = 50  # of the power iteration, from noise
MARGIN = 1.02  # by which its result, which comes from below, is raised


class Info(NamedTuple):
    """How an inference went, image by image."""

    iterations: jax.Array  # int32 (B, n), until each layer's energy came to rest for good
    converged: jax.Array  # bool (B,), False where the iterations ended before all layers had, and where they blew up
    errors: jax.Array  # (B, n): 1/2 |v_(i-1) gamma_(i-1) - D_i^T gamma_i|^2
    energies: jax.Array  # (B, n): f_i + lambda_i |gamma_i|_1


class Problem(NamedTuple):
    """What is to be explained, and by what."""

    images: jax.Array  # (B, H, W, C)
    atoms: Sequence[Atoms]  # of the layers
    scales: Sequence[jax.Array]  # v_1 ... v_(n-1), each (atoms_i,) > 0
    lambdas: Sequence[jax.Array]  # weights of |gamma_i|_1
    feedback: jax.Array  # b


class Iterate(NamedTuple):
    """An inference under way."""

    codes: Codes  # gamma
    points: Codes  # z, codes carried on by their momentum; here gradients are taken
    momentum: jax.Array  # (B,), FISTA's t
    energies: jax.Array  # (B, n), at the points before these


def code_shapes(
    shape: tuple[int, int], sizes: Sequence[tuple[int, int, int, int]], strides: Sequence[int]
) -> list[tuple[int, int, int]]:
    """The shapes (h, w, atoms) of all layers' codes for images (H, W) and dictionaries of these sizes.

    Raises:
      ValueError: an atom is larger than what it is to explain, or a stride is larger than its atoms.
    """
    shapes = []
    for layer, (size, stride) in enumerate(zip(sizes, strides, strict=True), start=1):
        if size[0] > shape[0] or size[1] > shape[1]:
            raise ValueError(f"layer {layer}'s atoms of {_by(size)} are larger than the {_by(shape)} that lie below it")
        if not 1 <= stride <= min(size[:2]):
            raise ValueError(f"layer {layer}'s stride {stride} leaves gaps between atoms of {_by(size)}")
        shapes.append(code_shape(size, stride, shape))
        shape = shapes[-1][:2]
    return shapes


def _by(size: Sequence[int]) -> str:
    return "x".join(map(str, size[:2]))


def infer(
    images: jax.Array,
    dictionaries: Dictionaries,
    *,
    lambdas: Sequence[float],
    strides: Sequence[int],
    scales: Sequence[jax.Array] | None = None,
    feedback: float = 1.0,
    threshold: float = 5e-4,
    max_iterations: int = 1000,
    curvatures: Sequence[jax.Array] | None = None,
    accelerate: bool = True,
) -> tuple[Codes, Info]:
    """Finds the codes of images by FISTA with restarts, all layers at once, from zero.

    Args:
      images: float (B, H, W, C), preprocessed.
      dictionaries: D_1 ... D_n, each (height, width, channels below, atoms), atoms of norm 1.
      lambdas: lambda_1 ... lambda_n.
      strides: of the layers.
      scales: v_1 ... v_(n-1), each (atoms_i,) > 0; by default ones.
      feedback: b, 1 for SDPC, 0 for the hierarchical Lasso.
      threshold: an image has come to rest when no layer's energy changes by more than this part of it in a step.
      max_iterations: steps after which all ends.
      curvatures: the largest eigenvalues of D_i D_i^T, as `largest_eigenvalue` gives them; by default it does.
      accelerate: False is ISTA, whose energy never rises.

    Raises:
      ValueError: the layers do not fit images or one another; or, outside of compiled programs, an image is not finite.
    """
    if images.ndim != 4:
        raise ValueError(f"images are of shape {images.shape}, not (B, H, W, C)")
    below = images.shape[3]
    for layer, dictionary in enumerate(dictionaries, start=1):
        if dictionary.shape[2] != below:
            raise ValueError(f"layer {layer}'s atoms have {dictionary.shape[2]} channels, what lies below it {below}")
        below = dictionary.shape[3]
    shapes = code_shapes(images.shape[1:3], [dictionary.shape for dictionary in dictionaries], strides)
    finite = jnp.isfinite(images).all()
    if not isinstance(finite, jax.core.Tracer) and not finite:
        raise ValueError("an image is not finite")
    if scales is None:
        scales = [jnp.ones(dictionary.shape[3], images.dtype) for dictionary in dictionaries[:-1]]
    sides = [images.shape[1:3], *(shape[:2] for shape in shapes[:-1])]
    layers = [atoms(*layer) for layer in zip(dictionaries, strides, sides, strict=True)]
    if curvatures is None:
        curvatures = [
            largest_eigenvalue(working, (*side, dictionary.shape[2]), images.dtype)
            for working, side, dictionary in zip(layers, sides, dictionaries, strict=True)
        ]
    problem = Problem(images, layers, scales, lambdas, jnp.asarray(feedback, images.dtype))
    steps = step_sizes(curvatures, problem.feedback)
    first = start(problem, shapes)
    batch = len(images)

    def unfinished(carry):
        _, active, _, count = carry
        return jnp.any(active) & (count < max_iterations)

    def body(carry):
        before, active, moved, count = carry
        after = advance(problem, steps, before, accelerate)
        moves = ~(jnp.abs(after.energies - before.energies) <= threshold * before.energies)  # NaN never rests
        moves = active[:, None] & (moves | (count == 0))
        after = jax.tree.map(lambda new, old: jnp.where(_per_image(active, new), new, old), after, before)
        return after, jnp.any(moves, axis=1), jnp.where(moves, count + 1, moved), count + 1

    carry = first, jnp.ones(batch, bool), jnp.zeros((batch, len(layers)), jnp.int32), jnp.int32(0)
    last, active, moved, count = jax.lax.while_loop(unfinished, body, carry)
    residuals = unexplained(problem, last.codes)
    errors = jnp.stack([_square(residual) / 2 for residual in residuals], axis=1)
    iterations = jnp.minimum(moved + 1, count)  # the step that found a layer at rest counts
    return last.codes, Info(iterations, ~active, errors, energies(problem, last.codes, residuals))


def start(problem: Problem, shapes: Sequence[tuple[int, int, int]]) -> Iterate:
    """All codes zero."""
    batch, dtype = len(problem.images), problem.images.dtype
    zero = tuple(jnp.zeros((batch, *shape), dtype) for shape in shapes)
    return Iterate(zero, zero, jnp.ones(batch, dtype), jnp.full((batch, len(shapes)), jnp.inf, dtype))


def advance(problem: Problem, steps: Sequence[jax.Array], before: Iterate, accelerate: bool = True) -> Iterate:
    """One step of FISTA (Beck & Teboulle 2009, section 4) in all layers: gamma <- relu(z - eta (grad f(z) + lambda)).

    An image's momentum starts anew where it points uphill (O'Donoghue & Candes 2015, section 3.2), by the sum over
    the layers, each in units of its step.
    """
    residuals = unexplained(problem, before.points)
    codes = tuple(
        jax.nn.relu(point - step * slope)
        for point, step, slope in zip(before.points, steps, slopes(problem, residuals), strict=True)
    )
    points, momentum = _carry_on(before, codes, steps) if accelerate else (codes, before.momentum)
    return Iterate(codes, points, momentum, energies(problem, before.points, residuals))


def advance_in_turn(problem: Problem, steps: Sequence[jax.Array], before: Iterate) -> Iterate:
    """The same, one layer after the other from the image on, each of which sees what the one below has just become.

    It takes the energies over as they are.
    """
    drawn = [working.render(point) for working, point in zip(problem.atoms, before.points, strict=True)]
    below, codes = problem.images, []
    for layer, (point, working) in enumerate(zip(before.points, problem.atoms, strict=True)):
        slope = problem.lambdas[layer] - working.correlate(below - drawn[layer])
        if layer + 1 < len(drawn):
            scale = problem.scales[layer]
            slope += problem.feedback * (point - drawn[layer + 1] / scale)
        codes.append(jax.nn.relu(point - steps[layer] * slope))
        if layer + 1 < len(drawn):
            below = scale * codes[-1]
    points, momentum = _carry_on(before, codes, steps)
    return Iterate(tuple(codes), points, momentum, before.energies)


def _carry_on(before: Iterate, codes: Codes, steps: Sequence[jax.Array]) -> tuple[Codes, jax.Array]:
    """The points where FISTA takes its next gradients, beyond the codes, and the momentum that carries them there."""
    momentum = (1 + jnp.sqrt(1 + 4 * before.momentum**2)) / 2
    uphill = sum(
        _inner(point - code, code - old) / step
        for point, code, old, step in zip(before.points, codes, before.codes, steps, strict=True)
    )
    pace = jnp.where(uphill > 0, 0, (before.momentum - 1) / momentum)
    points = tuple(code + _per_image(pace, code) * (code - old) for code, old in zip(codes, before.codes, strict=True))
    return points, jnp.where(uphill > 0, 1, momentum)


def unexplained(problem: Problem, codes: Codes) -> list[jax.Array]:
    """The prediction errors of all layers, v_(i-1) gamma_(i-1) - D_i^T gamma_i."""
    below = [problem.images, *(scale * code for scale, code in zip(problem.scales, codes, strict=False))]
    return [target - working.render(code) for target, code, working in zip(below, codes, problem.atoms, strict=True)]


def slopes(problem: Problem, residuals: Sequence[jax.Array]) -> list[jax.Array]:
    """grad f_i + lambda_i of all layers, by which their energies rise with coefficients above zero."""
    found = [
        weight - working.correlate(residual)
        for weight, working, residual in zip(problem.lambdas, problem.atoms, residuals, strict=True)
    ]
    for layer, scale in enumerate(problem.scales):
        found[layer] += problem.feedback * residuals[layer + 1] / scale
    return found


def energies(problem: Problem, codes: Codes, residuals: Sequence[jax.Array]) -> jax.Array:
    """f_i + lambda_i |gamma_i|_1 of each image and layer (B, n), from the codes and what they leave unexplained."""
    found = [_square(residual) / 2 for residual in residuals]
    for layer, scale in enumerate(problem.scales):
        found[layer] += problem.feedback / 2 * _square(residuals[layer + 1] / scale)
    sparsity = [weight * _sum(jnp.abs(code)) for weight, code in zip(problem.lambdas, codes, strict=True)]
    return jnp.stack([energy + cost for energy, cost in zip(found, sparsity, strict=True)], axis=1)


def step_sizes(curvatures: Sequence[jax.Array], feedback: jax.Array) -> list[jax.Array]:
    """eta_1 ... eta_n with which all layers descend at once.

    Where each v_i is one number, all layers lower one function, w_i f_i without the terms that two of them share twice,
    with w_1 = 1 and w_(i+1) = w_i b / v_i^2. By Young's inequality |gamma - p|^2 <= (1 + t) |gamma|^2 + (1 + 1/t)
    |p|^2, with t = sqrt(L_i / b), its curvature in layer i is at most L_i (1 + sqrt(b / L_(i-1))) + b + sqrt(b L_i),
    the first bracket 1 in the first layer, without the last two terms in the last. Where v differs between channels
    there is no such function; where it does so by orders of magnitude, the steps may blow up.
    """
    last, steps = len(curvatures) - 1, []
    for layer, own in enumerate(curvatures):
        bound = own * (1 + jnp.sqrt(feedback / curvatures[layer - 1])) if layer else own
        if layer < last:
            bound += feedback + jnp.sqrt(feedback * own)
        steps.append(1 / bound)
    return steps


def steps_in_turn(curvatures: Sequence[jax.Array], feedback: jax.Array) -> list[jax.Array]:
    """eta_1 ... eta_n with which one layer descends while the others rest: one over its curvature L_i + b, or L_n."""
    *lower, last = curvatures
    return [1 / (own + feedback) for own in lower] + [1 / last]


def largest_eigenvalue(working: Atoms, shape: tuple[int, int, int], dtype: jnp.dtype) -> jax.Array:
    """That of D D^T for images (H, W, channels), searched from noise on and raised."""
    noise = jax.random.normal(jax.random.key(0), (1, *shape), dtype)
    return raised(curvature(working, noise, POWER_STEPS)[0])


def raised(curvature: jax.Array) -> jax.Array:
    """One that was searched from below, so that steps are short enough."""
    return MARGIN * curvature


def _inner(a: jax.Array, b: jax.Array) -> jax.Array:
    return _sum(a * b)


def _square(x: jax.Array) -> jax.Array:
    return _sum(x * x)


def _sum(x: jax.Array) -> jax.Array:
    """Over all but the images, (B, ...) to (B,)."""
    return x.sum(range(1, x.ndim))


def _per_image(values: jax.Array, like: jax.Array) -> jax.Array:
    """(B,) for broadcasting against (B, ...)."""
    return values.reshape(-1, *[1] * (like.ndim - 1))
