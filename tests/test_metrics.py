from pathlib import Path

import numpy as np
import pytest

from jaxgan import metrics
from jaxgan.errors import UserError


def test_rows_are_read_back_and_a_torn_one_is_dropped(tmp_path):
    rows = metrics.JsonLines(tmp_path / "rows.jsonl")
    assert rows.read() == []
    assert rows.last() is None
    for step in (1, 2, 3):
        rows.append({"step": step})
    with rows.path.open("a") as file:
        file.write('{"step": 4')
    assert [row["step"] for row in rows.read()] == [1, 2, 3]
    assert rows.last() == {"step": 3}
    rows.keep(lambda row: row["step"] <= 2)
    rows.append({"step": 3})
    assert rows.path.read_text() == '{"step": 1}\n{"step": 2}\n{"step": 3}\n'


@pytest.mark.parametrize("line", [b'{"step": 2', b'{"step": \xff}', b"\0\0"])
def test_a_damaged_row_is_named(line, tmp_path):
    rows = metrics.JsonLines(tmp_path / "rows.jsonl")
    rows.path.write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"rows.jsonl, line 2 is damaged \(.*\): delete it"):
        rows.read()
    assert rows.last() == {"step": 3}


@pytest.mark.parametrize(
    ("line", "said"), [('{"setp": 1}', "no step"), ("3", "no step"), ('{"step": "1"}', "no whole step")]
)
def test_a_row_without_what_all_have_is_damaged(line, said, tmp_path):
    rows = metrics.JsonLines(tmp_path / "rows.jsonl", "step")
    rows.path.write_text(f'{{"step": 0}}\n{line}\n')
    with pytest.raises(UserError, match=rf"rows.jsonl, line 2 is damaged \(it has {said}\): delete it"):
        rows.read()


def test_keep_replaces_the_file_in_one_go(tmp_path, monkeypatch):
    rows = metrics.JsonLines(tmp_path / "rows.jsonl")
    rows.append({"step": 1})
    before = rows.path.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        rows.keep(lambda row: False)
    assert rows.path.read_bytes() == before


def test_tensorboard_files_hold_the_scalars(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = metrics.TensorBoard(tmp_path, enabled=True)
    board.scalars(3, {"loss_g": 0.5})
    board.image(3, "samples", np.zeros((4, 4, 3), np.uint8))
    board.flush()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert "samples" in str(events.Tags()["images"] + events.Tags()["tensors"])
    (event,) = events.Tensors("loss_g")
    assert event.step == 3


def test_tensorboard_is_off_where_tensorflow_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(metrics, "has_tensorflow", lambda: False)
    board = metrics.TensorBoard(tmp_path / "tb", enabled=True)
    board.scalars(1, {"loss": 1.0})
    board.flush()
    assert not (tmp_path / "tb").exists()
    assert "TensorBoard is off" in capsys.readouterr().out
    metrics.TensorBoard(tmp_path / "tb", enabled=False)
    assert capsys.readouterr().out == ""
