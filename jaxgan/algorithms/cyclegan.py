"""CycleGAN (Zhu et al. 2017, arXiv 1703.10593): translates between two domains of which it has seen no pairs.

Domain a is the batch's `source`, domain b its `image`. G translates a to b and F back; each domain has a critic.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct
from ml_collections import ConfigDict

from jaxgan import images
from jaxgan.algorithms import Algorithm, Batch, Metrics
from jaxgan.algorithms.network import (
    Network,
    Params,
    average,
    create,
    descend,
    layer_dtype,
    read_hyper,
    sampling_params,
)
from jaxgan.errors import UserError
from jaxgan.models.cyclegan import Critic, Generator
from jaxgan.regularisation import seen, squared_slopes
from jaxgan.schedules import anneal, hold_then_fall


@struct.dataclass
class Hyper:
    """What a researcher sweeps, float32 scalars; own_fields.py says what each is."""

    lr_g: jax.Array
    lr_d: jax.Array
    adam_b1: jax.Array
    adam_b2: jax.Array
    ema_decay: jax.Array
    cycle: jax.Array
    cycle_end: jax.Array
    identity: jax.Array
    paired: jax.Array
    r1: jax.Array


@struct.dataclass
class Pool:
    """Earlier fakes of one domain, from which its critic is shown some (section 4, after Shrivastava et al. 2017)."""

    image: jax.Array  # (pool, H, W, C)
    count: jax.Array  # int32 scalar, how many there are


@struct.dataclass
class State:
    """All that training changes."""

    step: jax.Array  # int32 scalar, updates so far
    generator_ab: Network
    generator_ba: Network
    critic_a: Network
    critic_b: Network
    pool_a: Pool | None
    pool_b: Pool | None
    hyper: Hyper


def exchange(pool: Pool | None, image: jax.Array, key: jax.Array) -> tuple[Pool | None, jax.Array]:
    """What the critic is shown in the place of new fakes (B, H, W, C), one after the other.

    While the pool has room an image is kept and shown. Then with probability 1/2 it takes the place of one of the
    pool's, drawn evenly, which is shown; else it is shown itself. Without a pool all are.
    """
    if pool is None:
        return None, image
    size = len(pool.image)

    def one(pool, given):
        new, key = given
        key_coin, key_place = jax.random.split(key)
        room = pool.count < size
        place = jnp.where(room, pool.count, jax.random.randint(key_place, (), 0, size))
        old = jnp.where(room, new, pool.image[place])
        swap = jax.random.bernoulli(key_coin)
        kept = pool.image.at[place].set(jnp.where(room | swap, new, pool.image[place]))
        return Pool(kept, jnp.minimum(pool.count + 1, size)), jnp.where(swap, old, new)

    return jax.lax.scan(one, pool, (image, jax.random.split(key, len(image))))


def squares(scores: jax.Array, target: float) -> jax.Array:
    """The least-squares loss of patches' scores (Mao et al. 2017; section 4), a scalar."""
    return jnp.mean((scores - target) ** 2)


def distance(image: jax.Array, other: jax.Array) -> jax.Array:
    """Mean |difference|, a scalar (equation 2)."""
    return jnp.mean(jnp.abs(image - other))


@dataclasses.dataclass(frozen=True)
class CycleGan:
    """The networks and their training, as pure functions of the state."""

    generator: Generator
    critic: Critic
    config: ConfigDict

    def init(self, key: jax.Array) -> State:
        config = self.config
        side, channels = config.data.image_size, config.data.channels
        image = jnp.zeros((1, side, side, channels))
        keys = jax.random.split(key, 4)
        translator = lambda key: create(self.generator.init(key, image), ema=config.ema_decay > 0)
        judge = lambda key: create(self.critic.init(key, image))
        pool = lambda: Pool(jnp.zeros((config.pool, side, side, channels)), jnp.int32(0)) if config.pool else None
        return State(
            step=jnp.int32(0),
            generator_ab=translator(keys[0]),
            generator_ba=translator(keys[1]),
            critic_a=judge(keys[2]),
            critic_b=judge(keys[3]),
            pool_a=pool(),
            pool_b=pool(),
            hyper=self.hyper(),
        )

    def hyper(self) -> Hyper:
        return read_hyper(Hyper, self.config)

    def train_step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """Updates both generators (equation 3) once, and both critics on these fakes or earlier ones."""
        hyper = state.hyper
        key_a, key_b, key_g, key_d, key_pool = jax.random.split(key, 5)
        key_b = key_a if self.config.data.paired else key_b  # partners are mirrored and cut alike
        a, b = self.see(key_a, batch["source"]), self.see(key_b, batch["image"])

        loss = lambda params: self.loss_g(params, state, a, b, key_g)
        params = (state.generator_ab.params, state.generator_ba.params)
        (loss_g, (fakes, parts)), grads_g = jax.value_and_grad(loss, has_aux=True)(params)
        scale = hold_then_fall(state.step, self.config.lr_hold_steps, self.config.lr_fall_steps)
        lr_g, lr_d = scale * hyper.lr_g, scale * hyper.lr_d
        generators = [
            average(descend(network, grads, lr_g, hyper.adam_b1, hyper.adam_b2), hyper.ema_decay)
            for network, grads in zip((state.generator_ab, state.generator_ba), grads_g, strict=True)
        ]
        critics, pools, losses_d = [], [], []
        sides = (state.critic_a, state.pool_a, a, fakes[0]), (state.critic_b, state.pool_b, b, fakes[1])
        for side, (critic, pool, real, fake) in enumerate(sides):
            pool, shown = exchange(pool, fake, jax.random.fold_in(key_pool, side))
            loss = functools.partial(
                self.loss_d, state=state, real=real, fake=shown, key=jax.random.fold_in(key_d, side)
            )
            loss_d, grads_d = jax.value_and_grad(loss)(critic.params)
            critics.append(descend(critic, grads_d, lr_d, hyper.adam_b1, hyper.adam_b2))
            pools.append(pool)
            losses_d.append(loss_d)
        state = State(state.step + 1, *generators, *critics, *pools, hyper)
        return state, {"loss_g": loss_g, "loss_d": sum(losses_d), **parts, "lr_g": lr_g, "lr_d": lr_d}

    def loss_g(
        self, params: tuple[Params, Params], state: State, a: jax.Array, b: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, tuple]:
        """Both generators' loss (equation 3 and section 5.2's identity), both domains' fakes, and parts of the loss."""
        hyper, config = state.hyper, self.config
        key_a, key_b = jax.random.split(key)
        to_b, to_a = (functools.partial(self.apply, own) for own in params)
        if config.identity:  # one pass for both, as nothing in it goes from image to image
            (fake_b, same_b), (fake_a, same_a) = jnp.split(to_b(_join(a, b)), 2), jnp.split(to_a(_join(b, a)), 2)
            changes = {"loss_identity": distance(same_a, a) + distance(same_b, b)}
        else:
            fake_b, fake_a, changes = to_b(a), to_a(b), {}
        cycles = distance(to_a(fake_b), a) + distance(to_b(fake_a), b)
        judged = self.judge(state.critic_a.params, fake_a, key_a), self.judge(state.critic_b.params, fake_b, key_b)
        adversarial = sum(squares(scores, 1.0) for scores in judged)
        weight = anneal(state.step, hyper.cycle, hyper.cycle_end, config.cycle_steps)
        pairs = distance(fake_a, a) + distance(fake_b, b)
        loss = adversarial + weight * (cycles + hyper.identity * sum(changes.values())) + hyper.paired * pairs
        return loss, ((fake_a, fake_b), {"loss_adversarial": adversarial, "loss_cycle": cycles} | changes)

    def loss_d(self, params: Params, state: State, real: jax.Array, fake: jax.Array, key: jax.Array) -> jax.Array:
        """A critic's loss, halved as in the authors' code, and its squared slope at real images (R1)."""
        scores_real, scores_fake = jnp.split(self.judge(params, _join(real, fake), key), 2)
        loss = (squares(scores_real, 1.0) + squares(scores_fake, 0.0)) / 2
        if self.config.r1:
            score = lambda image: self.judge(params, image, key).mean((1, 2, 3))
            loss += state.hyper.r1 / 2 * squared_slopes(score, real).mean()
        return loss

    def see(self, key: jax.Array, image: jax.Array) -> jax.Array:
        """uint8 images as they are learnt from."""
        key_mirror, key_place = jax.random.split(key)
        mirrored = images.augment(key_mirror, images.to_float(image), self.config.data.flip)
        return images.crop_enlarged(key_place, mirrored, self.config.data.load_size)

    def apply(self, params: Params, image: jax.Array) -> jax.Array:
        return self.generator.apply({"params": params}, image)

    def judge(self, params: Params, image: jax.Array, key: jax.Array) -> jax.Array:
        """A critic's scores of images' patches, which are altered first where the config says so."""
        return self.critic.apply({"params": params}, seen(self.config, key, image))

    def translate(self, state: State, image: jax.Array, direction: str) -> jax.Array:
        """Images (n, H, W, C) in [-1, 1] of one domain as images of the other; `direction` is ab or ba."""
        networks = {"ab": state.generator_ab, "ba": state.generator_ba}
        if direction not in networks:
            raise UserError(f"direction={direction}: it is one of {', '.join(networks)}")
        return self.apply(sampling_params(networks[direction]), image)

    def show(self, state: State, image: jax.Array, source: jax.Array) -> dict[str, jax.Array]:
        """Images of both domains, their translations, and what these come back as."""
        to_b, back_to_a = self._cycle(state, source, "ab")
        to_a, back_to_b = self._cycle(state, image, "ba")
        shown = {"a": source, "a to b": to_b, "back to a": back_to_a}
        return shown | {"b": image, "b to a": to_a, "back to b": back_to_b}

    @functools.cached_property
    def _cycle(self) -> Callable:
        @functools.partial(jax.jit, static_argnums=2)
        def cycle(state, image, direction):
            there = self.translate(state, image, direction)
            return there, self.translate(state, there, direction[::-1])

        return cycle


def _join(first: jax.Array, second: jax.Array) -> jax.Array:
    return jnp.concatenate([first, second])


def make(config: ConfigDict) -> Algorithm:
    """Builds CycleGAN."""
    start = {"initialization": config.init, "dtype": layer_dtype(config)}
    generator = Generator(config.width, config.blocks, config.data.channels, config.upsampling, **start)
    system = CycleGan(generator, Critic(config.width, config.critic_halvings, **start), config)
    return Algorithm(system.init, system.train_step, show=system.show, translate=system.translate)
