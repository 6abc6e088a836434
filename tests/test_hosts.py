import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from support import ROOT, load, one_config_per_algorithm, run

from jaxgan import hosts
from jaxgan.errors import UserError
from jaxgan.launch import first_to_fail, free_port
from jaxgan.rundir import RunDirectory
from jaxgan.train import train

# In processes of their own: the steps on their parts of the batches, held by the first against its own on whole ones.
TEN_STEPS = """
import sys
import jax, numpy as np
from jax.experimental.multihost_utils import broadcast_one_to_all
sys.path.insert(0, "tests")
from support import double, load, random_batches
from jaxgan import algorithms, hosts, parallel

with hosts.joined(sys.argv[1]):
    for name in sys.argv[2:]:
        config = load(name, batch_size=8)
        config.precision = "float64"
        if "plateau_every" in config:
            config.plateau_every = 2
        algorithm, results = algorithms.make(config), []
        for mesh in (parallel.mesh(), *([parallel.own_mesh()] if jax.process_index() == 0 else [])):
            everywhere = parallel.replicated(mesh)
            state = parallel.placed(jax.device_get(double(algorithm.init(jax.random.key(0)))), everywhere)
            steps = parallel.jit_steps(algorithm.train_step, mesh)
            key = jax.jit(lambda: jax.random.key(1), out_shardings=everywhere)()
            for seed in range(10):
                whole = random_batches(config, seed)
                own = parallel.own_part(whole["label"].shape[1]) if mesh.size > 1 else slice(None)
                batches = parallel.placed({n: array[:, own] for n, array in whole.items()}, parallel.split(mesh))
                state, metrics = steps(state, batches, key)
            assert len(batches["image"].sharding.device_set) == mesh.size
            results.append(jax.tree.map(np.asarray, (state, metrics)))
        if jax.process_index() == 0:
            jax.tree.map(lambda all, one: np.testing.assert_allclose(all, one, rtol=1e-8, atol=1e-8), *results)
            print(name, mesh.size, jax.device_count())
        broadcast_one_to_all(np.int32(0))  # waits for the first
"""
ALONE = os.environ | {"JAX_PLATFORMS": "cpu"}


def launch(processes: int, workdir, *arguments) -> subprocess.CompletedProcess:
    return run("launch", f"--processes={processes}", *tiny(workdir, *arguments), env=ALONE)


def tiny(workdir, *arguments) -> list[str]:
    return [f"--config={ROOT}/configs/began.py:tiny", f"--workdir={workdir}", "--config.tensorboard=False", *arguments]


@contextlib.contextmanager
def by_themselves(*each: list[str]) -> Iterator[list[subprocess.Popen]]:
    """Processes of one run with these arguments, which no launcher ends."""
    port, pipe = free_port(), subprocess.PIPE
    with contextlib.ExitStack() as stack:
        processes = []
        for number, arguments in enumerate(each):
            command = [sys.executable, "-m", "jaxgan.main", *arguments]
            command.append(f"--distributed=localhost:{port},{len(each)},{number}")
            process = subprocess.Popen(command, cwd=ROOT, env=ALONE, stdout=pipe, stderr=pipe, text=True)
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        yield processes


@pytest.mark.parametrize("source", ["auto", "tfdata"])  # auto keeps so few images on the devices
def test_two_processes_begin_what_one_ends(source, tmp_path):
    """The losses are those of one process, which the first of the two alone has written down."""
    train(load("began", steps=4, data__source=source), tmp_path / "stayed")
    done = launch(2, tmp_path / "moved", "--config.steps=2", f"--config.data.source={source}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("samples: ") == 1
    train(load("began", steps=4, data__source=source), tmp_path / "moved")
    moved, stayed = (RunDirectory(tmp_path / name) for name in ("moved", "stayed"))
    assert [row["event"] for row in moved.events.read()] == ["start", "end", "resume", "end"]
    for ours, theirs in zip(moved.metrics.read(), stayed.metrics.read(), strict=True):
        for name in ("step", "loss_real", "loss_fake", "k", "m"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3), (name, ours["step"])


def test_a_mistake_is_said_once(tmp_path):
    done = launch(2, tmp_path / "run", "--config.batch_size=9")
    assert done.returncode == 1
    assert "batch_size=9 does not split over 2 devices" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("localhost:1234", "it reads ADDRESS:PORT,PROCESSES,NUMBER, or stands alone"),
        ("localhost:1234,2,x", "it reads ADDRESS:PORT,PROCESSES,NUMBER"),
        ("localhost,2,1", "the address ends in a port"),
        ("localhost:1234,2,2", "the number is below that of processes"),
    ],
)
def test_where_the_others_are_is_checked(where, said):
    with pytest.raises(UserError, match=said), hosts.joined(where):
        pass


@pytest.mark.parametrize(
    ("codes", "first"),
    [
        ([None, 0, None], None),
        ([1, None, -signal.SIGKILL], 2),  # 0 has lost 2
        ([-signal.SIGKILL, 1, -signal.SIGABRT], 0),  # JAX aborts where the one that keeps all together is gone
        ([1, -signal.SIGABRT], 0),
        ([0, 1, None, 1], 1),
    ],
)
def test_the_one_that_was_killed_is_named_before_those_that_miss_it(codes, first):
    assert first_to_fail(codes) == first


@pytest.mark.slow
def test_all_go_back_from_what_is_not_finite_and_end_together(tmp_path):
    """The first says why, once; what it goes back to is sent to the other."""
    mend = ["--config.on_nonfinite=restore", "--config.nonfinite_restores=1", "--config.lr_g=1e30"]
    done = launch(2, tmp_path / "run", "--config.checkpoint_every=1", "--config.log_every=1", *mend)
    assert done.returncode == 1
    assert done.stderr.count("training diverged") == 1
    events = [row["event"] for row in RunDirectory(tmp_path / "run").events.read()]
    assert events == ["start", "non-finite", "restore", "non-finite"]


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_to_the_launcher_is_one_to_all(signals, tmp_path):
    """A second one that comes while they compile, too, which end without a checkpoint, and none is left behind."""
    often = ["--config.steps=100000", "--config.log_every=1", "--config.checkpoint_every=100000"]
    command = [sys.executable, "-m", "jaxgan.launch", "--processes=2", *tiny(tmp_path / "run", *often)]
    launcher = subprocess.Popen(command, cwd=ROOT, env=ALONE)
    book = RunDirectory(tmp_path / "run")
    while not (book.metrics.last() if signals == 1 else book.config_file.exists()):
        assert launcher.poll() is None
        time.sleep(0.05)
    try:
        for _ in range(signals):
            launcher.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        assert launcher.wait(60) == 128 + signal.SIGTERM
    finally:
        launcher.kill()
    assert subprocess.run(["pgrep", "-f", f"workdir={book.path}"], stdout=subprocess.DEVNULL).returncode == 1
    assert (book.events.last()["event"] == "preemption") == (signals == 1)


@pytest.mark.slow
def test_processes_that_were_not_started_alike_are_told(tmp_path):
    gammas = ([*tiny(tmp_path), f"--config.gamma={gamma}"] for gamma in (0.5, 0.6))
    with by_themselves(*gammas) as both:
        for process in both:
            _, said = process.communicate(timeout=120)
            assert process.returncode == 1
            assert "process 1 has another config, other images or another number of devices" in said


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 0])  # the first one keeps the others together
def test_the_others_end_by_themselves_where_one_is_killed(number, tmp_path):
    endless = tiny(tmp_path, "--config.batch_size=24", "--config.steps=100000", "--config.log_every=1")
    with by_themselves(*[endless] * 3) as processes:
        while not RunDirectory(tmp_path).metrics.last():
            assert all(process.poll() is None for process in processes)
            time.sleep(0.1)
        killed = processes.pop(number)
        killed.kill()
        until = time.monotonic() + 60
        for process in processes:
            _, said = process.communicate(timeout=max(0, until - time.monotonic()))
            assert process.returncode
            assert re.search("another (process has gone|task died)", said)  # JAX's words, where the first one is


@pytest.mark.slow
def test_four_processes_compute_what_one_does():
    """Every array of the state of every algorithm, in float64."""
    names, port = one_config_per_algorithm(), free_port()
    environment = ALONE | {"JAX_ENABLE_X64": "1"}
    commands = [[sys.executable, "-c", TEN_STEPS, f"localhost:{port},4,{number}", *names] for number in range(4)]
    pipe = subprocess.PIPE
    first, *others = (
        subprocess.Popen(c, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True) for c in commands
    )
    out, said = first.communicate(timeout=3000)
    for other in others:
        other.communicate(timeout=60)
    assert first.returncode == 0, said
    assert [line.split()[0] for line in out.splitlines() if not line.startswith("[Gloo]")] == names


@pytest.mark.slow
def test_what_is_stopped_goes_on_with_as_many_processes_as_there_are(tmp_path):
    """One of four is told to stop, and all do; one of three is killed, and the others end; two come to the end."""
    often = ["--config.batch_size=24", "--config.log_every=5", "--config.checkpoint_every=20", "--config.keep=100"]
    often += ["--config.monitor.every=20", "--config.monitor.num=100"]
    book = RunDirectory(tmp_path / "run")

    def interrupted(processes: int, number: int, signum: int) -> tuple[int, str, float]:
        """The launcher's code and last words, and how long all took to end."""
        arguments = tiny(book.path, *often, "--config.steps=100000")
        command = [sys.executable, "-m", "jaxgan.launch", f"--processes={processes}", *arguments]
        begun = (book.metrics.last() or {"step": 0})["step"]
        launcher = subprocess.Popen(command, cwd=ROOT, env=ALONE, stderr=subprocess.PIPE, text=True)
        while (book.metrics.last() or {"step": 0})["step"] < begun + 30:
            assert launcher.poll() is None
            time.sleep(0.1)
        victim = subprocess.check_output(
            ["pgrep", "-f", f"^{sys.executable}.*workdir={book.path}.*,{processes},{number}$"]
        )
        sent = time.monotonic()
        os.kill(int(victim), signum)
        _, said = launcher.communicate(timeout=60)
        return launcher.returncode, said, time.monotonic() - sent

    code, _, seconds = interrupted(4, 2, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert seconds < 30
    assert book.events.last()["event"] == "preemption"
    for number in (1, 0):  # the first one keeps the others together
        code, said, seconds = interrupted(3, number, signal.SIGKILL)
        assert code == 1
        assert said.splitlines()[-1] == (
            f"jaxgan: process {number} was killed by SIGKILL; the same command goes on from the newest checkpoint"
        )
        assert seconds < 60
    last = book.metrics.last()["step"] + 10
    done = launch(2, book.path, *often, f"--config.steps={last}")
    assert done.returncode == 0, done.stderr
    steps = [row["step"] for row in book.metrics.read()]
    assert steps == sorted({*range(5, last + 1, 5), last})
