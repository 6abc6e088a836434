"""Paths as users type them."""

from pathlib import Path

from jaxgan.errors import UserError


def expanded(path: str | Path) -> Path:
    """The path with ~ as the user's own folder and ~NAME as another's. Raises UserError where nobody has that name."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{path}: no user has that name; for a folder of that name write ./{path}") from None
