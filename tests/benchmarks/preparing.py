"""Speed and memory of preparing a folder of images: python tests/benchmarks/preparing.py [--counts 2500 10000]

Draws images of 200x200 px and prepares them as users do, in a process of its own with an empty
cache. Prints the whole command's seconds and the largest memory that the process had resident. The
pages of the prepared arrays that are mapped at the end do not count, as nothing reads them. Ends with
a line where it was more memory than any number of images may take.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
SIZE = 200  # pixels a side, as Kaggle's crops have
MOST_MEMORY = 512  # MiB


def draw(path: Path, seed: int) -> None:
    """Smooth blots with some grain, in the format of the path's suffix."""
    rng = np.random.default_rng(seed)
    blots = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    grain = rng.integers(0, 12, (SIZE, SIZE, 1), np.uint8)
    Image.fromarray(np.minimum(np.asarray(blots), 243) + grain).save(path)


def prepare(folder: Path, size: int) -> tuple[float, float]:
    """Returns seconds and MiB of the command."""
    fields = {"name": "folder", "dir": folder, "image_size": size}
    overrides = [f"--config.data.{field}={value}" for field, value in fields.items()]
    command = [sys.executable, "-m", "jaxgan.prepare", f"--config={ROOT}/configs/began.py", *overrides]
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "JAXGAN_CACHE": cache})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(map(str, command))} failed")
    return seconds, usage.ru_maxrss / 2**10


def draw_all(folder: Path, count: int, suffix: str = "jpg") -> None:
    paths = [folder / f"{index}.{suffix}" for index in range(count)]
    joblib.Parallel(n_jobs=-1)(joblib.delayed(draw)(path, seed) for seed, path in enumerate(paths))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[2_500, 10_000], help="images")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 128], help="pixels a side of what is prepared")
    parser.add_argument("--suffix", choices=["jpg", "png", "webp"], default="jpg", help="format of the images")
    options = parser.parse_args()
    for count in options.counts:
        with tempfile.TemporaryDirectory() as folder:
            draw_all(Path(folder), count, options.suffix)
            for size in options.sizes:
                seconds, memory = prepare(Path(folder), size)
                print(f"{count:,} images to {size} px: {seconds:.1f} s, {memory:.0f} MiB", flush=True)
                if memory > MOST_MEMORY:
                    sys.exit(f"{memory:.0f} MiB are more than the {MOST_MEMORY} MiB that any number of images may take")


if __name__ == "__main__":
    main()
