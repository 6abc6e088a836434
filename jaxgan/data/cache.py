"""Where prepared data and compiled steps are kept between runs."""

import os
from pathlib import Path


def folder(*parts: str) -> Path:
    """A folder below `JAXGAN_CACHE`, by default `~/.cache/jaxgan`; it need not exist yet."""
    own = os.environ.get("JAXGAN_CACHE")
    if own is None:  # else there need not be a home
        own = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "jaxgan")
    return Path(own).joinpath(*parts)
