import jax
import jax.numpy as jnp
import numpy as np


def derivatives(function, primals, tangents):
    """Value, forward derivative, gradient, and R1's gradient of a gradient."""
    weight = jnp.cos(jnp.arange(jax.eval_shape(function, *primals).size))
    loss = lambda *primals: jnp.sum(weight * function(*primals).ravel() ** 2)
    penalty = lambda *primals: sum(jnp.sum(grad**2) for grad in jax.grad(loss, range(len(primals)))(*primals))
    grads = [jax.grad(f, range(len(primals)))(*primals) for f in (loss, penalty)]
    return jax.tree.leaves((grads, jax.jvp(function, primals, tangents)))


def check_rewritten(rewritten, plain, shapes):
    """Both have the same values and derivatives at a random point of arrays of these shapes."""
    with jax.enable_x64():
        keys = jax.random.split(jax.random.key(0), (2, len(shapes)))
        primals, tangents = ([3 * jax.random.normal(*pair) for pair in zip(row, shapes, strict=True)] for row in keys)
        for a, b in zip(*(derivatives(f, primals, tangents) for f in (rewritten, plain)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
