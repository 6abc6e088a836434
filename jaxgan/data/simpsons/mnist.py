"""simpsons_mnist: ten characters, whole scenes of 28x28 px, GitHub alvarobartt/simpsons-mnist (CC BY-NC-SA 4.0)."""

import re

from ml_collections import ConfigDict

from jaxgan.data.dataset import Source
from jaxgan.data.files import ImageFiles
from jaxgan.data.tfds_source import reader
from jaxgan.errors import UserError

COUNT = 10_000  # images in GitHub's archive
MEMBER = re.compile(r"(?:^|/)(train|test)/([^/]+)/[^/]+$")  # split and character in an image's path


def find(data: ConfigDict) -> Source:
    """GitHub's archive, or `data.dir`: an archive or folder with train/<character>/ and test/<character>/."""
    key, count = "github", COUNT
    if data.dir is not None:
        files = ImageFiles(data.dir)
        key, count = files.fingerprint(), sum(map(len, layout(files).values()))
    if data.unreadable == "skip":
        key += "-skip"
    builder = "jaxgan.data.simpsons.builder:SimpsonsMnist"
    return Source(key, None, count, reader(builder, path=data.dir, key=key, unreadable=data.unreadable))


def layout(files: ImageFiles) -> dict[tuple[str, str], list[str]]:
    """Returns the members by (split, character), colour ones only. Raises UserError where a split lacks."""
    groups = {}
    for member in files.members:
        match = MEMBER.search(member)
        if match and "grayscale/" not in member:
            groups.setdefault(match.groups(), []).append(member)
    for split in ("train", "test"):
        if not any(group == split for group, _ in groups):
            raise UserError(
                f"{files.path} has no images in {split}/<character>/: simpsons_mnist wants the archive of "
                "GitHub's alvarobartt/simpsons-mnist, or that archive unpacked"
            )
    return groups
