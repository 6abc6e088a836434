import json
import shutil

import numpy as np
import pytest
from support import ROOT

from jaxgan import benchmark, evaluate, images, sweep
from jaxgan.errors import UserError
from jaxgan.rundir import RunDirectory

CONFIG = f"--config={ROOT}/configs/began.py:tiny"
FIELDS = [CONFIG, "--config.width=4", "--config.data.limit=150", "--config.monitor.every=2"]
FIELDS = [*FIELDS, "--config.monitor.num=100", "--config.monitor.warmup=0"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A directory of two seeds, and what was said of them."""
    workdir = tmp_path_factory.mktemp("benchmark") / "began"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(evaluate, "NUM", 40)
        said = []
        monkeypatch.setattr("builtins.print", lambda *lines, sep=" ", **_: said.append(sep.join(map(str, lines))))
        benchmark.main([*FIELDS, f"--workdir={workdir}", "--seeds=0,1"])
    return workdir, "\n".join(said)


def rows(workdir):
    return [json.loads(line) for line in (workdir / "rows.jsonl").read_text().splitlines()]


def test_a_row_says_what_the_evaluations_found(compared):
    workdir, _ = compared
    assert [row["seed"] for row in rows(workdir)] == [0, 1]
    for row in rows(workdir):
        run = RunDirectory(workdir / "members" / f"seed={row['seed']}")
        last = json.loads(run.evaluation.read_text())
        assert row["last"]["step"] == last["step"] == row["steps"] == 6
        assert row["last"]["fd_probe"] == float(f"{last['measures']['fd_probe']['value']:.4g}")
        assert row["last"]["real"]["recall"] == float(f"{last['measures']['recall']['floor']:.4g}")
        readings = run.monitor.read()
        fallen = [event["step"] for event in run.events.read() if event["event"] == "collapse"]
        assert (row["collapses"], row["collapsed_at"]) == (len(fallen), min(fallen, default=None))
        assert row["course"]["fd_probe"] == [reading["fd_probe"] for reading in readings]
        assert row["best"]["step"] in row["course"]["step"]
        assert row["system"] == "began-tiny+width=4+data.limit=150+monitor.every=2+monitor.num=100+monitor.warmup=0"
        assert (row["data"], row["fingerprint"]) == ("toons", run.stored()["data"]["fingerprint"])
        assert {path.name for path in run.path.glob("*.png")} == {"best.png", "last.png"}


def test_the_table_has_means_with_intervals_and_real_images(compared):
    workdir, said = compared
    lines = [line for line in said.splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0].strip("| ").split(", ")[-1] for line in lines] == [
        "toons",
        "---|---|---|---|---|---|---|---|---|---|---|---",
        "best",
        "last",
        "real images",
    ]
    found = [row["last"]["fd_probe"] for row in rows(workdir)]
    assert f"| {benchmark.interval(found)} |" in lines[3]
    assert f"{rows(workdir)[0]['parameters']:,} parameters, 6 steps in" in said


def test_what_is_measured_is_not_measured_again(compared, monkeypatch):
    workdir, _ = compared
    before = rows(workdir)
    monkeypatch.setattr(evaluate, "main", lambda _: pytest.fail("measures again"))
    assert benchmark.benchmark(FIELDS, workdir, [0, 1]) == (before, None)
    assert rows(workdir) == before
    with pytest.raises(UserError, match="seed=0 has more than 4 steps: give another --workdir"):
        benchmark.benchmark([*FIELDS, "--config.steps=4"], workdir, [0, 1])


def test_images_of_another_program_are_measured_alike(compared, tmp_path, capsys):
    """Those of a run, from a file, come to the figures that the run's evaluation has."""
    workdir, _ = compared
    run = workdir / "members" / "seed=0"
    from jaxgan import sample

    algorithm, state, _ = sample.load(run)
    images.save_npz(tmp_path / "drawn.npz", images=sample.sample(algorithm, state, 40, seed=0))
    benchmark.main([*FIELDS, f"--samples={tmp_path}/drawn.npz", "--name=ours", f"--workdir={tmp_path}/kept"])
    own = rows(workdir)[0]["last"]
    (row,) = rows(tmp_path / "kept")
    assert (row["system"], row["data"], row["last"]["fd_probe"]) == ("ours", "toons", own["fd_probe"])
    values = capsys.readouterr().out.split("| ours, last | 1 | 0 | ")[1].split(" | ")
    assert values[0] == f"{own['drawn']:.3g}"
    assert values[1] == f"{own['fd_probe']:.3g}"


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"images": np.zeros((99, 16, 16, 3), np.uint8)},
            r"`images` should be uint8 \(N, 32, 32, 3\), found uint8 \(99, 16, 16, 3\)",
        ),
        ({"images": np.zeros((99, 32, 32, 3))}, r"found float64"),
        ({"images": np.zeros((3, 32, 32, 3), np.uint8)}, r"3 images; measuring takes 12"),
        ({"samples": np.zeros((99, 32, 32, 3), np.uint8)}, "found nothing"),
    ],
)
def test_other_images_are_refused(arrays, said, tmp_path):
    np.savez(tmp_path / "drawn.npz", **arrays)
    with pytest.raises(UserError, match=said):
        benchmark.main([*FIELDS, f"--samples={tmp_path}/drawn.npz", "--name=ours"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([CONFIG], "where to"),
        ([CONFIG, "--samples=a.npz"], "--samples wants a --name"),
        ([CONFIG, "--samples=a.npz", "--name=a", "--workdir=it"], r"a.npz is no whole .npz file"),
        ([CONFIG, "--workdir=it", "--seeds=a"], "'a' is no list of numbers, as 0,1,2"),
        ([CONFIG, "--workdir=it", "--config.seed=1"], "it is --seeds that says which"),
        ([*FIELDS, "--config.steps=1", "--workdir=it"], "monitor.every=2: .* falls into its 1 steps"),
        ([*FIELDS, "--config.monitor.every=0", "--workdir=it"], "draws samples and takes readings"),
        ([f"--config={ROOT}/configs/sdpc.py:tiny", "--workdir=it"], "draws samples and takes readings"),
        ([CONFIG, "--config.monitor.every=2", "--workdir=it"], "10 held-out images: measuring takes at least 12"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        benchmark.main(arguments)
    assert not list(tmp_path.iterdir())


def test_a_seed_that_fails_leaves_the_others_their_rows(compared, monkeypatch, capsys):
    workdir, _ = compared
    fails = lambda *_: (_ for _ in ()).throw(sweep.Unfinished("1 of 3 members did not finish"))
    monkeypatch.setattr("jaxgan.sweep.sweep", fails)
    with pytest.raises(UserError, match="1 of 3 members did not finish"):
        benchmark.main([*FIELDS, f"--workdir={workdir}", "--seeds=0,1,7"])
    assert ", last | 2 | 6 |" in capsys.readouterr().out


def test_a_row_that_lacks_its_seed_is_a_line(compared, tmp_path):
    shutil.copytree(compared[0], tmp_path / "began")
    (tmp_path / "began" / "rows.jsonl").write_text('{"seed": 0}\n{"steps": 6}\n')  # the first as of other samples
    with pytest.raises(UserError, match=r"rows.jsonl, line 2 is damaged \(it has no seed\): delete it"):
        benchmark.main([*FIELDS, f"--workdir={tmp_path / 'began'}", "--seeds=0,1"])


def test_runs_with_another_setting_get_no_row(compared):
    workdir, _ = compared
    before = rows(workdir)
    (workdir / "rows.jsonl").unlink()  # as if killed before it measured
    with pytest.raises(UserError, match="holds a run that differs"):
        benchmark.main([*FIELDS, f"--workdir={workdir}", "--seeds=0,1", "--config.gamma=0.3"])
    assert not (workdir / "rows.jsonl").exists()
    (workdir / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in before) + '{"torn')
    benchmark.main([*FIELDS, f"--workdir={workdir}", "--seeds=0,1"])
    assert rows(workdir) == before


def test_intervals_are_students():
    assert benchmark.interval([4.0]) == benchmark.interval([4.0, 4.0]) == "4"
    assert benchmark.interval([999.6]) == "1,000"
    assert benchmark.interval([1.0, 2.0, 3.0]) == "2 [\N{MINUS SIGN}0.484, 4.48]"  # 4.303 / sqrt(3) to both sides
