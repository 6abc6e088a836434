"""simpsons_faces: 9,877 unlabelled faces, cropped to 200x200 px, Kaggle kostastokis/simpsons-faces."""

import errno
import importlib
import importlib.util
from pathlib import Path, PurePosixPath

from ml_collections import ConfigDict

from jaxgan.data import cache
from jaxgan.data.dataset import Source
from jaxgan.data.files import ImageFiles, no_images
from jaxgan.data.folder import source
from jaxgan.errors import UserError
from jaxgan.writing import write_whole

HANDLE = "kostastokis/simpsons-faces"
URL = f"https://www.kaggle.com/datasets/{HANDLE}"
LABEL = "simpsons"


def find(data: ConfigDict) -> Source:
    """Kaggle's set, or `data.dir`: its archive, or that archive unpacked.

    Raises:
      UserError: there is no image, or `data.dir` is none and Kaggle cannot be reached.
    """
    files = ImageFiles(data.dir or _fetched())
    if not files.members:
        raise no_images(files)
    return source(files, dict.fromkeys(crops(files.members), (LABEL, None)), data)


def crops(members: list[str]) -> list[str]:
    """Returns the members in `cropped/`, beside which the archive has them again, simplified; all, where none are."""
    return [member for member in members if "cropped" in PurePosixPath(member).parts[:-1]] or members


def _fetched() -> str:
    """Returns the folder of Kaggle's files. It is noted down, so that later runs need no connection."""
    note = cache.folder("kaggle", HANDLE.replace("/", "-"))
    noted = note.read_text() if note.is_file() else ""
    if noted and Path(noted).is_dir():
        return noted
    if importlib.util.find_spec("kagglehub") is None:
        raise _not_fetched("kagglehub is not installed")
    try:
        path = importlib.import_module("kagglehub").dataset_download(HANDLE)
    except Exception as error:  # of kagglehub, kagglesdk or requests, which share no class
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise _not_fetched(" ".join(str(error).split()) or type(error).__name__) from error
    write_whole(note, str(path).encode())
    return str(path)


def _not_fetched(reason: str) -> UserError:
    return UserError(
        f"simpsons_faces cannot be fetched from Kaggle ({reason}): either pip install kagglehub and set "
        f"KAGGLE_API_TOKEN to a token of https://www.kaggle.com/settings, or download {URL} in a browser and give the "
        "file with --config.data.dir=archive.zip"
    )
