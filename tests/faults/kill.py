"""Kills commands at random moments, and holds what they leave at last against what an unbroken one leaves.

    python tests/faults/kill.py [--kills=300] [--seed=0] [--each] [--commands=train,search,...]

Half of the kills come at a random time, half before a random change of the command's folder, as between writing a file
and naming it. A killed command is given again, and may be killed again; when it comes to its end, each file is to be
what it is after an unbroken run, the arrays of checkpoints bit by bit, but for times and for the record of the
interruptions. With --each a command is killed once before each of its changes, which takes hours.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image
from safetensors.numpy import load_file

from jaxgan import restoring
from jaxgan.checkpoint import saved_steps

ROOT, DOOMED = Path(__file__).parents[2], Path(__file__).with_name("doomed.py")
TIMES = ("time", "seconds", "images_per_second")
INTERRUPTIONS = ("start", "resume")  # events that come once for each process
TINY = [f"--config={ROOT}/configs/began.py:tiny", "--config.tensorboard=False"]
DCGAN = [f"--config={ROOT}/configs/dcgan.py:tiny", "--config.tensorboard=False"]
OFTEN = [f"--config.{field}" for field in ("log_every=1", "checkpoint_every=2", "sample_every=3", "keep=2")]
READ = [f"--config.{field}" for field in ("monitor.every=3", "monitor.num=100", "monitor.warmup=0")]
ENOUGH = ["--config.data.limit=150"]  # images, for some to be held out that can be measured
BACK = ("on_collapse=restore", "restores=2", "patience=1", "min_characters=1e-9")
FALLS = ["--config.lr_g=0.03", "--config.init=orthogonal", *(f"--config.monitor.{field}" for field in BACK)]
BREAKS = [f"--config.{field}" for field in ("lr_g=1e30", "on_nonfinite=restore", "nonfinite_restores=2")]
LIMIT = 600  # seconds that a command may take


class Command(NamedTuple):
    """One that is killed; `arguments` and `begin` are given the folder that it works in."""

    module: str
    arguments: Callable[[Path], list[str]]
    share: float  # of the kills
    begin: Callable[[Path], None] = lambda folder: None
    code: int = 0  # with which it ends


def some_images(folder: Path) -> None:
    """Noise, in two classes, to prepare."""
    rng = np.random.default_rng(0)
    for number in range(60):
        path = folder / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(path)


def a_run(folder: Path) -> None:
    finished(COMMANDS["train"], folder)


COMMANDS = {
    "train": Command(
        "main", lambda folder: [*TINY, *OFTEN, *READ, *ENOUGH, "--config.steps=10", f"--workdir={folder}/run"], 0.5
    ),
    "collapse": Command(
        "main",
        lambda folder: [*DCGAN, *OFTEN, *READ, *ENOUGH, *FALLS, "--config.steps=40", f"--workdir={folder}/run"],
        0.1,
        code=1,
    ),
    "divergence": Command(
        "main",
        lambda folder: [
            *TINY,
            *OFTEN,
            *BREAKS,
            "--config.checkpoint_every=1",
            "--config.steps=40",
            f"--workdir={folder}/run",
        ],
        0.1,
        code=1,
    ),
    "warm start": Command(
        "main",
        lambda folder: [
            *TINY,
            *OFTEN,
            "--config.steps=6",
            f"--config.init_from={folder}/run",
            f"--workdir={folder}/second",
        ],
        0.1,
        a_run,
    ),
    "sweep": Command(
        "sweep",
        lambda folder: [*TINY, *OFTEN, "--config.steps=4", "--sweep=gamma=0.5,0.7", f"--workdir={folder}/sweep"],
        0.1,
    ),
    "search": Command(
        "sweep",
        lambda folder: [
            *TINY,
            *OFTEN,
            *READ,
            "--config.monitor.every=1",
            "--config.monitor.warmup=100",
            "--config.steps=9",
            "--search=gamma=0.3..1",
            "--trials=9",
            f"--workdir={folder}/search",
        ],
        0.1,
    ),
    "prepare": Command(
        "prepare",
        lambda folder: [
            *TINY,
            "--config.data.name=folder",
            f"--config.data.dir={folder}/images",
            f"--out={folder}/set.npz",
        ],
        0.1,
        some_images,
    ),
    "evaluate": Command("evaluate", lambda folder: [f"--workdir={folder}/run", "--num=100"], 0.1, a_run),
    "export": Command(
        "export", lambda folder: [f"--workdir={folder}/run", f"--out={folder}/g.safetensors"], 0.1, a_run
    ),
    "report": Command("report", lambda folder: [f"{folder}/run", f"--out={folder}/report.html"], 0.1, a_run),
}


class Ending(NamedTuple):
    """Of a process."""

    code: int
    said: str  # on stderr

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def given(command: Command, folder: Path, last: int = 0, seconds: float | None = None) -> Ending:
    """Gives a command; it is killed before its change number `last` of the folder, and after so many seconds.

    Raises:
      AssertionError: it was not to be killed, and hangs.
    """
    arguments = [sys.executable, str(DOOMED), str(last), str(folder), command.module, *command.arguments(folder)]
    environment = os.environ | {"JAXGAN_CACHE": str(folder / "cache")} if command.module == "prepare" else os.environ
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, said = process.communicate(timeout=LIMIT if seconds is None else seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        _, said = process.communicate()
        if seconds is None:
            raise AssertionError(f"{command.module} hangs: {said}") from None
    return Ending(process.returncode, said)


def finished(command: Command, folder: Path) -> int:
    """Gives a command that lives, and returns how often it changes the folder."""
    ending = given(command, folder)
    if ending.code != command.code:
        raise AssertionError(f"{command.module} ended with {ending.code}: {ending.said}")
    return int(next(line for line in reversed(ending.said.splitlines()) if line.isdigit()))


def left(folder: Path) -> dict[str, Any]:
    """What a command has left in a folder, by the names of the files, as far as it is the same each time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.name == "checkpoints":
            found |= {f"{name}/{step}": digest(path.parent, step) for step in saved_steps(path)}
        elif path.is_file() and not {"checkpoints", "cache", ".lock"}.intersection(path.relative_to(folder).parts):
            found[name] = content(path, folder)
    return found


def digest(workdir: Path, step: int) -> str:
    """Of the arrays of a checkpoint."""
    _, state, _ = restoring.load(workdir, step)
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state))).hexdigest()


def content(path: Path, folder: Path) -> Any:
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]  # all of them whole
        return [timeless(row) for row in rows if row.get("event") not in INTERRUPTIONS]
    if path.suffix == ".json":
        return timeless(json.loads(path.read_text().replace(str(folder), "")))
    if path.suffix == ".npz":
        return {name: array.tobytes() for name, array in np.load(path).items()}
    if path.suffix == ".safetensors":
        return {name: array.tobytes() for name, array in load_file(path).items()}
    if path.suffix in (".html", ".md"):
        return "whole" if path.read_text().rstrip().endswith(("</html>", ".")) else path.read_text()[-99:]
    return path.read_bytes()


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: timeless(inner) for name, inner in value.items() if name not in TIMES}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


class Place:
    """Where a command is killed: what it begins with, what an unbroken one leaves, and the folder that it works in."""

    def __init__(self, command: Command, root: Path):
        self.command, self.folder = command, root / "folder" / "it"
        self._fresh, whole = root / "fresh" / "it", root / "whole" / "it"
        self._fresh.mkdir(parents=True)
        command.begin(self._fresh)
        shutil.copytree(self._fresh, whole)
        began = time.monotonic()
        self.changes = finished(command, whole)
        self.duration = time.monotonic() - began
        self._expected = left(whole)

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._fresh, self.folder)

    def faults(self, ending: Ending) -> list[str]:
        """What is wrong after a command has come to its end."""
        if ending.code != self.command.code:
            return [f"ended with {ending.code}: {ending.said.strip()}"]
        found = left(self.folder)
        names = sorted(found.keys() | self._expected.keys())
        return [f"{name} is not what it was to be" for name in names if found.get(name) != self._expected.get(name)]


class Tally(NamedTuple):
    """Of one command."""

    kills: int
    endings: int  # that were held against the unbroken one
    faults: list[str]


def at_random(place: Place, kills: int, rng: random.Random) -> Tally:
    """Kills a command so many times; whenever it comes to an end all the same, its folder is looked at."""
    done, endings, faults = 0, 0, []
    place.clear()
    while True:
        if done == kills:
            ending = given(place.command, place.folder)
        elif rng.random() < 0.5:
            ending = given(place.command, place.folder, last=rng.randint(1, place.changes))
        else:
            ending = given(place.command, place.folder, seconds=rng.uniform(0, place.duration))
        if ending.killed:
            done += 1
            continue
        endings += 1
        faults += place.faults(ending)
        if done == kills:
            return Tally(done, endings, faults)
        place.clear()


def at_each_change(place: Place) -> Tally:
    """Kills a command once before each of its changes, and then lets it come to its end."""
    faults = []
    for last in range(1, place.changes + 1):
        place.clear()
        given(place.command, place.folder, last)
        faults += [f"change {last}: {fault}" for fault in place.faults(given(place.command, place.folder))]
    return Tally(place.changes, place.changes, faults)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--commands", type=lambda text: text.split(","), default=list(COMMANDS))
    options = parser.parse_args()
    rng, faults = random.Random(options.seed), 0
    shares = sum(COMMANDS[name].share for name in options.commands)
    for name in options.commands:
        kills = round(options.kills * COMMANDS[name].share / shares)
        with tempfile.TemporaryDirectory() as root:
            place = Place(COMMANDS[name], Path(root))
            tally = at_each_change(place) if options.each else at_random(place, kills, rng)
        print(f"{name}: {tally.kills} kills, {tally.endings} endings, {len(tally.faults)} faults", flush=True)
        print(*(f"  {fault}" for fault in tally.faults), sep="\n", flush=True)
        faults += len(tally.faults)
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
