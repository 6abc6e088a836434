import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan import animation
from jaxgan.errors import UserError

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), np.uint8)


def decoded(path, mode="RGB"):
    """A GIF's frames, and the milliseconds of each."""
    frames, durations = [], []
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            frames.append(np.asarray(gif.convert(mode)))
            durations.append(gif.info["duration"])
    return np.stack(frames), durations


def test_a_gif_has_the_frames_and_plays_for_ever(tmp_path):
    animation.save(tmp_path / "new" / "a.gif", FRAMES, milliseconds=60, hold=140)
    frames, durations = decoded(tmp_path / "new" / "a.gif")
    assert durations == [60, 60, 200]
    np.testing.assert_allclose(frames, FRAMES, atol=8)  # 105 colours: near-white ones become white
    assert Image.open(tmp_path / "new" / "a.gif").info["loop"] == 0
    assert os.listdir(tmp_path / "new") == ["a.gif"]


def test_a_grey_gif_is_exact(tmp_path):
    animation.save(tmp_path / "a.gif", FRAMES[..., :1], milliseconds=60)
    np.testing.assert_array_equal(decoded(tmp_path / "a.gif", "L")[0], FRAMES[..., 0])


def test_what_stands_still_does_not_flicker(tmp_path):
    """The left half of smooth colours stays while the right half changes altogether."""
    still = np.stack(np.meshgrid(np.arange(0, 256, 4), np.arange(64), [0, 128, 255]), -1).astype(np.uint8)
    still = still.reshape(64, -1, 3)
    moving = np.random.default_rng(0).integers(0, 256, (4, *still.shape), np.uint8)
    animation.save(tmp_path / "a.gif", np.concatenate([np.stack([still] * 4), moving], axis=2), milliseconds=60)
    frames, _ = decoded(tmp_path / "a.gif")
    left = frames[:, :, : still.shape[1]]
    np.testing.assert_array_equal(left, np.broadcast_to(left[0], left.shape))


def test_white_stays_white(tmp_path):
    frames = np.random.default_rng(0).integers(240, 256, (2, 64, 64, 3), np.uint8)
    frames[:, :8] = 255
    animation.save(tmp_path / "a.gif", frames, milliseconds=60)
    assert (decoded(tmp_path / "a.gif")[0][:, :8] == 255).all()


def test_equal_frames_keep_their_time(tmp_path):
    animation.save(tmp_path / "a.gif", FRAMES[[0, 0, 1, 1]], milliseconds=60)
    assert decoded(tmp_path / "a.gif")[1] == [120, 120]
    animation.save(tmp_path / "a.gif", FRAMES[:1], milliseconds=60)
    assert len(decoded(tmp_path / "a.gif")[0]) == 1


def ffmpeg(folder: Path, body: str) -> None:
    """Puts a program of that name there, which knows its arguments as `sys.argv`."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport sys, pathlib\n{body}")
    program.chmod(0o755)


def test_an_mp4_goes_through_ffmpeg(tmp_path, monkeypatch):
    """It gets frames of even sizes, the last one longer; the fake one writes down what it got."""
    body = f"""
pathlib.Path({str(tmp_path)!r}, "arguments").write_text(" ".join(sys.argv[1:]))
pathlib.Path(sys.argv[-1]).write_bytes(sys.stdin.buffer.read())
"""
    ffmpeg(tmp_path / "bin", body)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    animation.save(tmp_path / "a.mp4", FRAMES, milliseconds=400, hold=800)
    got = np.frombuffer((tmp_path / "a.mp4").read_bytes(), np.uint8).reshape(5, 6, 8, 3)
    np.testing.assert_array_equal(got[:, :5, :7], FRAMES[[0, 1, 2, 2, 2]])
    assert (got[:, 5:] == 255).all()
    assert (got[:, :, 7:] == 255).all()
    arguments = (tmp_path / "arguments").read_text()
    assert "-f rawvideo -pixel_format rgb24 -video_size 8x6 -framerate 2.5 -i pipe:0 -pix_fmt yuv420p" in arguments
    animation.save(tmp_path / "grey.mp4", FRAMES[..., :1], milliseconds=400)
    grey = np.frombuffer((tmp_path / "grey.mp4").read_bytes(), np.uint8).reshape(3, 6, 8, 3)
    np.testing.assert_array_equal(grey[:, :5, :7], np.repeat(FRAMES[..., :1], 3, axis=-1))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit('first line\\nno room')", "ffmpeg failed: no room; name a .gif"),
        ("sys.exit(3)", "ffmpeg failed: it ended with 3; name a .gif"),
        ("", "ffmpeg failed: it ended with 0; name a .gif"),
    ],
)
def test_a_failure_of_ffmpeg_leaves_the_file_as_it_was(tmp_path, monkeypatch, body, said):
    (tmp_path / "a.mp4").write_text("before")
    ffmpeg(tmp_path / "bin", body)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(UserError, match=said):
        animation.save(tmp_path / "a.mp4", FRAMES, milliseconds=60)
    assert (tmp_path / "a.mp4").read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "bin"]


def test_without_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="a.mp4: an .mp4 needs ffmpeg, which is not on the PATH; install it or name a"):
        animation.check(tmp_path / "a.mp4")
    animation.check(tmp_path / "a.gif")
