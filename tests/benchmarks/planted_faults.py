"""Plants faults into a well-trained generator and says what the collapse alarm makes of them.

python tests/benchmarks/planted_faults.py RUN [RUN ...]

RUN is the directory of a run whose checkpoints stayed (--config.keep_every=250). The first one's
checkpoints are read one after the other, as the monitor reads in training; from the middle on, what
its generator draws passes through a fault. Each is planted with five seeds: other latents,
characters and images. At last every RUN is read as it is, where nothing should fire.
"""

import argparse
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from jaxgan import config as config_lib
from jaxgan import evaluate, images, restoring
from jaxgan import sample as sampling
from jaxgan.evaluation.alarm import Alarm, Event
from jaxgan.evaluation.characters import THRESHOLD
from jaxgan.evaluation.monitor import Monitor
from jaxgan.rundir import RunDirectory

SEEDS = 5
POOL = 4000  # samples of the newest checkpoint, among which faults choose
REPEATED = 10


class Faults:
    """Each takes uint8 samples (N, H, W, C) of a healthy generator to faulty ones.

    `chosen` is a generator of the seed's, the same at each reading; `rng` goes on from reading to reading.
    """

    def __init__(self, pool: np.ndarray, character: np.ndarray, train: np.ndarray):
        """`character` says whom the probe sees in each image of the pool, -1 for nobody."""
        self.pool, self.character, self.train = pool, character, train

    def constant(self, chosen, rng, since, samples):
        return np.repeat(self.pool[chosen.integers(len(self.pool), size=1)], len(samples), axis=0)

    def flat(self, chosen, rng, since, samples):
        return np.broadcast_to(samples.mean((1, 2), keepdims=True), samples.shape).astype(np.uint8)

    def one_character(self, chosen, rng, since, samples):
        return self._of(chosen, rng, 1, len(samples))

    def two_characters(self, chosen, rng, since, samples):
        return self._of(chosen, rng, 2, len(samples))

    def copies(self, chosen, rng, since, samples):
        return self.train[rng.integers(len(self.train), size=len(samples))]

    def repeats(self, chosen, rng, since, samples):
        return samples[rng.integers(REPEATED, size=len(samples))]

    def frozen(self, chosen, rng, since, samples):
        return self.pool[chosen.permutation(len(self.pool))[: len(samples)]]

    def diverges(self, chosen, rng, since, samples):
        return np.clip(samples + rng.normal(0, 15 * since, samples.shape), 0, 255).astype(np.uint8)

    def _of(self, chosen, rng, count, num):
        known, drawn = np.unique(self.character[self.character >= 0], return_counts=True)
        common = known[np.argsort(-drawn)][:6]  # of whom the pool has enough for a reading
        return self.pool[rng.permutation(np.flatnonzero(np.isin(self.character, chosen.permutation(common)[:count])))][
            :num
        ]


FAULTS = {
    "constant": "all alike",
    "flat": "flat",
    "one_character": "few characters",
    "two_characters": "few characters",
    "copies": "memorising",
    "repeats": "repeating",
    "frozen": "frozen",
    "diverges": "diverging",
}


def read(monitor: Monitor, limits, readings: Iterator[tuple[int, np.ndarray]]) -> list[Event]:
    """Takes readings of (step, samples) and returns what fires."""
    alarm, trace, events = Alarm(limits, monitor.real_characters), None, []
    for step, samples in readings:
        row = {"step": step, **monitor.read(images.to_float(jnp.asarray(samples)), trace)}
        trace = row["trace"]
        events += alarm.update(row)
    return events


def draw(workdir: str, num: int, seed: int) -> list[tuple[int, np.ndarray]]:
    """The samples of each checkpoint, uint8 (num, H, W, C)."""
    return [(step, sampling.sample(*checkpoint, num, seed)) for *checkpoint, step in restoring.load_all(workdir)]


def plant(fault, readings: list[tuple[int, np.ndarray]], start: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    rng, since = np.random.default_rng([seed, 1]), 0
    for step, samples in readings:
        since += step >= start
        yield step, fault(np.random.default_rng(seed), rng, since, samples) if since else samples


def say(name: str, seed: int | str, events: list[Event]) -> None:
    fired = "; ".join(f"{event.event} at {event.step:,}: {event.kind} ({event.evidence})" for event in events)
    print(f"{name:16} {seed:>4}  {fired or 'nothing'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--start", type=int, help="step of the first faulty reading, by default the middle")
    options = parser.parse_args()

    run = options.runs[0]
    limits = config_lib.from_dict(RunDirectory(run).stored()["config"]).monitor
    real = evaluate.real_images(run)
    monitor = Monitor(real.dataset, real.probe)
    algorithm, state, _ = restoring.load(run)
    pool = sampling.sample(algorithm, state, POOL, SEEDS)
    probabilities = real.probe.embed(pool)[1]
    character = np.where(probabilities.max(1) >= THRESHOLD, probabilities.argmax(1), -1)
    faults = Faults(pool, character, np.asarray(real.dataset.train.image))
    for seed in range(SEEDS):
        readings = draw(run, limits.num, seed)
        start = options.start or readings[len(readings) // 2][0]
        print(f"{'fault':16} seed  fired; planted at {start:,}, readings each {readings[1][0] - readings[0][0]:,}")
        for name, kind in FAULTS.items():
            events = read(monitor, limits, plant(getattr(faults, name), readings, start, seed))
            say(name, seed, events)
            if [event.kind for event in events] != [kind] or events[0].step < start:
                print(f"{'':16} expected {kind} from {start:,} on, once")
    for workdir in options.runs:
        say("none", workdir.split("/")[-1], read(monitor, limits, draw(workdir, limits.num, 0)))


if __name__ == "__main__":
    main()
