"""Files that are written whole or not at all."""

import os
from pathlib import Path

from jaxgan.errors import naming


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file's content in one go: a reader or a crash never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with naming(path):
            temporary.write_bytes(content)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
