"""What notebooks show: a training as it goes, in one picture that is drawn anew, and other commands' files."""

import base64
import io
import time
from pathlib import Path
from typing import Any

from IPython import display
from matplotlib.figure import Figure
from ml_collections import ConfigDict

from jaxgan import config as config_lib
from jaxgan import fields
from jaxgan import train as training
from jaxgan.data import dataset
from jaxgan.errors import UserError
from jaxgan.reporting import pictures
from jaxgan.rundir import RunDirectory

SECONDS = 10.0  # between two pictures
SHOWN, BALANCE = ("loss_", "score_", "critic_", "error"), ("k", "m")  # by the curves: what begins so, and these
HEIGHT = 4.0  # inches


def train(config: ConfigDict, workdir: str | Path) -> Any:
    """Trains as `train.train` does, and shows the losses and the newest samples meanwhile. Returns the final state."""
    live = Live(workdir)
    state = training.train(config, workdir, heard=live)
    live.draw()
    return state


class Live:
    """Draws a run where it was drawn before; called when it has written a row."""

    def __init__(self, workdir: str | Path):
        self.run, self.drawn = RunDirectory(workdir), 0.0
        self.handle = display.display(display.Markdown(""), display_id=True)  # above the bar

    def __call__(self) -> None:
        if time.monotonic() - self.drawn >= SECONDS:
            self.draw()

    def draw(self) -> None:
        """Draws what there is by now."""
        self.handle.update(display.Image(curves(self.run)))
        self.drawn = time.monotonic()


def curves(run: RunDirectory) -> bytes:
    """A PNG of a run's losses over the steps, beside its newest samples."""
    rows, samples = run.metrics.read(), [path for path in run.samples.glob("*.png") if path.stem.isdigit()]
    figure = Figure((2.5 * HEIGHT, HEIGHT), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    shown = [name for name in (rows[-1] if rows else {}) if name.startswith(SHOWN) or name in BALANCE]
    for name in shown:
        left.plot([row["step"] for row in rows], [row.get(name) for row in rows], label=name)
    left.set_xlabel("step")
    if shown:
        left.legend()
    right.axis("off")
    if samples:
        newest = max(samples, key=lambda path: int(path.stem))
        drawn = pictures.read_png(newest)
        if drawn:
            right.imshow(drawn, interpolation="nearest")
        right.set_title(f"step {int(newest.stem):,}" if drawn else f"{newest.name} is no readable picture")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def upload() -> str:
    """Asks for a zip archive of images, or an image, in Colab's page. Returns its path.

    Raises:
      UserError: this is not Colab, or nothing was chosen.
    """
    try:
        from google.colab import files
    except ImportError:
        raise UserError("there is no upload outside Colab: give the path of your images instead") from None
    chosen = files.upload()
    if len(chosen) != 1:
        raise UserError(
            f"{len(chosen)} files were chosen: run the cell again and choose one, an archive for several images"
        )
    return str(Path(next(iter(chosen))).resolve())


def prepare(workdir: str | Path) -> None:
    """Prepares the images that a run learnt from, where they are not prepared here: what it draws is held against them.

    Raises:
      UserError: there is no such run, or its images are not where its config says.
    """
    for data in fields.sets(config_lib.from_dict(RunDirectory(workdir).stored()["config"]).data):
        dataset.prepare(data)


def picture(path: str | Path) -> display.HTML:
    """A .png or .gif that another command wrote, to be shown at the end of a cell."""
    path = Path(path)
    content = base64.b64encode(path.read_bytes()).decode()
    return display.HTML(f'<img src="data:image/{path.suffix[1:]};base64,{content}" style="max-width: 100%">')


def page(path: str | Path, height: int = 800) -> display.HTML:
    """A page that `report` or `export` wrote, in a frame of its own; it has no other files."""
    source = Path(path).read_text().replace("&", "&amp;").replace('"', "&quot;")
    return display.HTML(f'<iframe srcdoc="{source}" width="100%" height="{height}" style="border: 0"></iframe>')
