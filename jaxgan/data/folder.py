"""folder: any images that the user has in a folder or a zip archive, with sub-folders as labels."""

import hashlib
import os
import posixpath
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ml_collections import ConfigDict

from jaxgan.data.dataset import Example, Source
from jaxgan.data.files import ImageFiles, no_images
from jaxgan.errors import UserError
from jaxgan.progress import Progress

HELD_OUT = ("test", "val", "valid", "validation")  # folders whose images are not trained on, beside `train`


def find(data: ConfigDict) -> Source:
    """All images below `data.dir`, labelled as `layout` says.

    Raises:
      UserError: `data.dir` is missing or holds no image.
    """
    if data.dir is None:
        raise UserError("data.name=folder needs data.dir=FOLDER, or a zip archive")
    files = ImageFiles(data.dir)
    if not files.members:
        raise no_images(files)
    name = Path(os.path.abspath(files.path))
    labels = layout(files.members, name.name if name.is_dir() else name.stem)
    return source(files, labels, data)


def layout(members: list[str], name: str) -> dict[str, tuple[str, bool | None]]:
    """Returns the label and the split of each member: whether it is held out, or None where the set does not say.

    The label is the first folder below the one that all members share; members lying directly in
    that take its own name, which is `name` where they share none. Where those first folders are
    `train` and one or more of HELD_OUT, they are the splits, and labels are the next ones.
    """
    folders = [PurePosixPath(member).parent for member in members]
    common = posixpath.commonpath(folders)
    inner = [folder.relative_to(common).parts for folder in folders]
    first = {parts[0].lower() if parts else "" for parts in inner}
    splits = "train" in first and len(first) > 1 and first <= {"train", *HELD_OUT}
    below = [parts[splits:] for parts in inner]
    labels = [parts[0] if parts else posixpath.basename(common) or name for parts in below]
    held_out = [parts[0].lower() != "train" if splits else None for parts in inner]
    return dict(zip(members, zip(labels, held_out, strict=True), strict=True))


def source(files: ImageFiles, labels: dict[str, tuple[str, bool | None]], data: ConfigDict) -> Source:
    """The members of `files` that `labels` gives a label and a split, with the files' content for a key."""

    def read(progress: Progress) -> Iterator[Example]:
        for member, image in files.read(list(labels), progress):
            yield Example(image, *labels[member])
        files.settle(data.unreadable, progress)

    # A folder's name can be a label, and is no part of its content.
    names = "\0".join([files.fingerprint(), *(label for label, _ in labels.values())])
    key = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Source(key + ("-skip" if data.unreadable == "skip" else ""), None, len(labels), read)
