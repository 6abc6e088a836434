import fcntl
import socket

import pytest

from jaxgan.writing import unfinished, write_whole


def abandoned(path):
    """What a killed writer leaves."""
    folder = path.with_name(f".{path.name}.unfinished-{socket.gethostname()}-killed")
    folder.mkdir()
    (folder / "content").write_text("half")
    return folder


def test_what_killed_writers_left_goes_and_what_others_write_stays(tmp_path):
    path = tmp_path / "set.npz"
    other = abandoned(tmp_path / "set.npz.old")
    users = tmp_path / ".set.npz.backup"
    users.mkdir()
    with unfinished(path) as living:
        left = abandoned(path)
        write_whole(path, b"whole")
        write_whole(living / "part", b"part")
        assert not left.exists()
        assert living.exists()
    assert {entry.name for entry in tmp_path.iterdir()} == {"set.npz", other.name, users.name}


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="full"), unfinished(tmp_path / "a") as folder:
        (folder / "content").write_text("half")
        raise OSError("full")
    assert not list(tmp_path.iterdir())


def test_without_locks_nothing_is_taken_for_abandoned(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    left = abandoned(tmp_path / "a")
    write_whole(tmp_path / "a", b"whole")
    assert left.exists()
