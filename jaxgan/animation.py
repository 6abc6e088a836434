"""Moving pictures: frames to a GIF or, where there is an ffmpeg, to an MP4."""

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.errors import UserError
from jaxgan.writing import write_whole

SUFFIXES = (".gif", ".mp4")
PALETTE_PIXELS = 2**15  # from which a GIF's colours are chosen
NEAR_WHITE = 247  # of a colour's three channels


def check(path: Path) -> None:
    """Raises UserError where there is nothing here to write `path` with."""
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise UserError(f"{path}: an .mp4 needs ffmpeg, which is not on the PATH; install it or name a .gif")


def save(path: Path, frames: np.ndarray, milliseconds: int, hold: int = 0) -> None:
    """Writes an animation so that the file is either whole or as it was before.

    Args:
      path: ends in .gif, which plays for ever, or in .mp4.
      frames: uint8 (F, H, W, C); C is 1 or 3.
      milliseconds: from one frame to the next; a GIF counts in tens.
      hold: milliseconds more for the last frame.

    Raises:
      UserError: there is no ffmpeg for an .mp4, or it failed.
    """
    check(path)
    if path.suffix == ".mp4":
        still = np.repeat(frames[-1:], round(hold / milliseconds), axis=0)
        content = _mp4(path, np.concatenate([frames, still]), 1000 / milliseconds)
    else:
        content = _gif(frames, [milliseconds] * (len(frames) - 1) + [milliseconds + hold])
    write_whole(path, content)


def _gif(frames: np.ndarray, milliseconds: list[int]) -> bytes:
    """Encodes frames; equal ones that follow each other become one that stays longer."""
    pictures = [Image.fromarray(frame) for frame in (frames[..., 0] if frames.shape[-1] == 1 else frames)]
    if frames.shape[-1] == 3:
        palette = _palette(frames)
        pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    buffer = io.BytesIO()
    first, *others = pictures
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    return buffer.getvalue()


def _palette(frames: np.ndarray) -> Image.Image:
    """256 colours for all frames (F, H, W, 3): a palette each, or dithering, would make still parts flicker."""
    pixels = frames.reshape(-1, 3)
    chosen = pixels[np.random.default_rng(0).integers(len(pixels), size=PALETTE_PIXELS)]
    palette = Image.fromarray(chosen[None]).quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
    colours = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)
    colours[(colours >= NEAR_WHITE).all(-1)] = 255  # else the gaps between images take a tint from their neighbours
    palette.putpalette(colours.tobytes())
    return palette


def _mp4(path: Path, frames: np.ndarray, rate: float) -> bytes:
    """Encodes frames at `rate` a second with ffmpeg."""
    count, height, width = frames.shape[:3]
    even = np.full((count, height + height % 2, width + width % 2, 3), 255, np.uint8)  # as yuv420p wants it
    even[:, :height, :width] = frames
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.mp4"
        command = ["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pixel_format", "rgb24"]
        command += ["-video_size", f"{even.shape[2]}x{even.shape[1]}", "-framerate", f"{rate:.6g}", "-i", "pipe:0"]
        command += ["-pix_fmt", "yuv420p", "-movflags", "+faststart", str(video)]
        done = subprocess.run(command, input=even.tobytes(), capture_output=True)  # noqa: S603 (no part of it is given)
        if done.returncode or not video.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"it ended with {done.returncode}"]
            raise UserError(f"{path}: ffmpeg failed: {said[-1]}; name a .gif")
        return video.read_bytes()
