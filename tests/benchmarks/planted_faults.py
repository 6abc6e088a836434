"""Plants faults into a well-trained generator and says what the collapse alarm makes of them.

python tests/benchmarks/planted_faults.py RUN [RUN ...]

RUN is the directory of a run whose checkpoints stayed (--config.keep_every=250). The first one's
checkpoints are read one after the other, as the monitor reads in training; from the middle on, what
its generator draws passes through a fault. Each is planted with five seeds: other latents,
characters and images. At last every RUN is read as it is, with k and m from its rows, where nothing
should fire, and its recall is measured. It exits with 1 where anything else fires than was planted.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import config as config_lib
from jaxgan import evaluate, images, restoring
from jaxgan import sample as sampling
from jaxgan.evaluation.alarm import Alarm, Event
from jaxgan.evaluation.characters import THRESHOLD
from jaxgan.evaluation.monitor import Monitor
from jaxgan.examining.real import Real, real_images
from jaxgan.rundir import RunDirectory

SEEDS = 5
POOL = 4000  # samples of the newest checkpoint, among which faults choose
REPEATED = 10  # images that are drawn again and again
COMMON = 6  # characters of whom the pool has enough for a reading
GROWTH = 1.2  # of a diverging generator's weights from one reading to the next

FAULTS = {
    "constant": "all alike",
    "flat": "flat",
    "one_character": "few characters",
    "two_characters": "few characters",
    "copies": "memorising",
    "repeats": "repeating",
    "diverges": "diverging",
    "frozen": "frozen",
}


class Faults:
    """Takes uint8 samples (N, H, W, C), as healthy as the generator draws them, to faulty ones.

    A fault gets a generator that is the same at each reading, one that goes on from reading to
    reading, how many faulty readings there have been, and the samples.
    """

    def __init__(self, real: Real, algorithm, state, seed: int):
        self.algorithm, self.state, self.seed = algorithm, state, seed
        self.train = np.asarray(real.dataset.train.image)
        self.pool = sampling.sample(algorithm, state, POOL, SEEDS)
        probabilities = real.probe.embed(self.pool)[1]
        self.character = np.where(probabilities.max(1) >= THRESHOLD, probabilities.argmax(1), -1)

    def constant(self, same, rng, since, samples):
        return np.repeat(self.pool[same.integers(len(self.pool), size=1)], len(samples), axis=0)

    def flat(self, same, rng, since, samples):
        return np.broadcast_to(samples.mean((1, 2), keepdims=True), samples.shape).astype(np.uint8)

    def one_character(self, same, rng, since, samples):
        return self._of(1, same, rng, len(samples))

    def two_characters(self, same, rng, since, samples):
        return self._of(2, same, rng, len(samples))

    def copies(self, same, rng, since, samples):
        return self.train[rng.integers(len(self.train), size=len(samples))]

    def repeats(self, same, rng, since, samples):
        return samples[rng.integers(REPEATED, size=len(samples))]

    def diverges(self, same, rng, since, samples):
        larger = lambda params: jax.tree.map(lambda param: GROWTH**since * param, params)
        network = self.state.generator
        network = network.replace(params=larger(network.params), ema=larger(network.ema))
        return sampling.sample(self.algorithm, self.state.replace(generator=network), len(samples), self.seed)

    def frozen(self, same, rng, since, samples):
        return self.pool[same.permutation(len(self.pool))[: len(samples)]]

    def _of(self, count, same, rng, num):
        """Different images of so many characters, as often each."""
        known, drawn = np.unique(self.character[self.character >= 0], return_counts=True)
        chosen = same.permutation(known[np.argsort(-drawn)][:COMMON])[:count]
        of_each = [rng.permutation(np.flatnonzero(self.character == character))[: num // count] for character in chosen]
        return self.pool[np.concatenate(of_each)]


def read(monitor: Monitor, limits, readings: Iterator[tuple[int, np.ndarray]], balance=None) -> list[Event]:
    """Takes readings of (step, samples), with `balance`, k and m by step, and returns what fires."""
    alarm, trace, events = Alarm(limits, monitor.real_characters), None, []
    for step, samples in readings:
        row = {
            "step": step,
            **monitor.read(images.to_float(jnp.asarray(samples)), trace),
            **(balance or {}).get(step, {}),
        }
        trace = row["trace"]
        events += alarm.update(row)
    return events


def draw(workdir: str, num: int, seed: int) -> list[tuple[int, np.ndarray]]:
    """The samples of each checkpoint, uint8 (num, H, W, C)."""
    return [(step, sampling.sample(*checkpoint, num, seed)) for *checkpoint, step in restoring.load_all(workdir)]


def balance(workdir: str, steps: list[int]) -> dict[int, dict]:
    """BEGAN's k, and the mean of m since the step before, at each of the steps."""
    rows = [row for row in RunDirectory(workdir).metrics.read() if "m" in row]
    found = {}
    for before, step in zip([0, *steps], steps, strict=False):
        between = [row for row in rows if before < row["step"] <= step]
        if between:
            found[step] = {"k": between[-1]["k"], "m": statistics.fmean(row["m"] for row in between)}
    return found


def plant(fault, readings: list[tuple[int, np.ndarray]], start: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    rng, since = np.random.default_rng([seed, 1]), 0
    for step, samples in readings:
        since += step >= start
        yield step, fault(np.random.default_rng(seed), rng, since, samples) if since else samples


def say(name: str, seed: int | str, events: list[Event], more: str = "") -> None:
    fired = "; ".join(f"{event.event} at {event.step:,}: {event.kind} ({event.evidence})" for event in events)
    print(f"{name:16} {seed:>4}  {fired or 'nothing'}{more}", flush=True)


def planted(run: str, real: Real, monitor: Monitor, limits) -> bool:
    """Plants each fault with each seed, and returns whether that and nothing else fired, once."""
    algorithm, state, _ = restoring.load(run)
    right = True
    for seed in range(SEEDS):
        readings, faults = draw(run, limits.num, seed), Faults(real, algorithm, state, seed)
        steps = [step for step, _ in readings]
        start = steps[len(steps) // 2]
        print(f"{'fault':16} seed  fired; planted at {start:,}, read at {', '.join(f'{step:,}' for step in steps)}")
        for name, kind in FAULTS.items():
            events = read(monitor, limits, plant(getattr(faults, name), readings, start, seed))
            say(name, seed, events)
            right &= [event.kind for event in events] == [kind] and events[0].step >= start
    return right


def healthy(run: str, real: Real, monitor: Monitor, limits) -> bool:
    """Reads a run as it is, and returns whether nothing fired."""
    readings = draw(run, limits.num, 0)
    events = read(monitor, limits, readings, balance(run, [step for step, _ in readings]))
    recall = evaluate.evaluate(real, *restoring.load(run)[:2]).measures["recall"]
    say("none", Path(run).name, events, f"; recall {recall.value:.3f} [{recall.low:.3f}, {recall.high:.3f}]")
    return not events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    options = parser.parse_args()
    limits = config_lib.from_dict(RunDirectory(options.runs[0]).stored()["config"]).monitor
    real = real_images(options.runs[0])
    monitor = Monitor(real.dataset, real.probe)
    outcomes = [planted(options.runs[0], real, monitor, limits)]
    outcomes += [healthy(run, real, monitor, limits) for run in options.runs]
    right = all(outcomes)
    print("no false alarm, none missed" if right else "the alarm is not what it should be")
    sys.exit(not right)


if __name__ == "__main__":
    main()
