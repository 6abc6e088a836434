"""One self-contained page that draws with a small generator in a browser, offline, by ONNX Runtime Web."""

import base64
import gzip
import hashlib
from pathlib import Path

import requests
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jaxgan import images
from jaxgan.data import cache
from jaxgan.errors import UserError
from jaxgan.exporting import Trained, onnx
from jaxgan.latent import directions
from jaxgan.writing import write_whole

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
VERSION = "1.30.0"  # of ONNX Runtime Web (MIT licence)
SOURCE = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist"
FILES = {  # and their SHA-256
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
SECONDS = 60  # until a download has to begin
SLIDERS = 8  # at most
CLOSE = 2  # grey levels of 255 by which the browser's images may differ
CHECKED = 4  # images that the browser draws first, and that it holds against those drawn here


def make(trained: Trained, folder: Path | None = None) -> str:
    """Returns the page.

    Args:
      trained: a run's generator.
      folder: with ONNX Runtime Web's FILES; by default they are downloaded once, and kept.

    Raises:
      UserError: the runtime is not to be had, or the generator does not become ONNX.
    """
    library, binary = runtime(folder).values()
    model = onnx.serialize(trained)
    given, drawn = trained.examples(CHECKED)
    step = directions.principal(trained.algorithm, trained.state, min(SLIDERS, trained.latent_dim)).step
    data, uniform = trained.config.data, trained.config.latent == "uniform"
    about = {
        "latent_dim": trained.latent_dim,
        "uniform": uniform,
        "size": data.image_size,
        "channels": data.channels,
        "names": trained.names,
        "directions": (step * given[0].std()).round(4).tolist(),
        "latent": given[0].tolist(),
        "label": given[1].tolist() if trained.names else [],
        "expected": images.to_uint8(drawn).reshape(CHECKED, -1).tolist(),
    }
    packed = {"library": library, "binary": binary, "model": model}
    return TEMPLATES.get_template("play.html").render(
        title=f"{trained.config.algorithm}, {trained.data['name']}, step {trained.step:,}",
        about=about,
        packed={name: base64.b64encode(gzip.compress(content, mtime=0)).decode() for name, content in packed.items()},
        version=VERSION,
        close=CLOSE,
    )


def runtime(folder: Path | None) -> dict[str, bytes]:
    """Reads ONNX Runtime Web's FILES from a folder, or from the cache, where they are downloaded to if need be.

    Raises:
      UserError: one is missing, cannot be downloaded, or is not that of VERSION.
    """
    found, kept = {}, cache.folder(f"onnxruntime-web-{VERSION}")
    for name, digest in FILES.items():
        path = (folder or kept) / name
        if folder and not path.is_file():
            raise UserError(f"{path}: there is no such file; --runtime names the folder dist of onnxruntime-web")
        content = path.read_bytes() if path.is_file() else b""
        if not folder and _digest(content) != digest:  # not kept yet, or damaged
            path = f"{SOURCE}/{name}"
            content = _download(path)
        if _digest(content) != digest:
            raise UserError(f"{path} is not that of onnxruntime-web {VERSION}: take that version's")
        if path != (folder or kept) / name:
            write_whole(kept / name, content)
        found[name] = content
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _download(address: str) -> bytes:
    try:
        answer = requests.get(address, timeout=SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise UserError(
            f"{address} cannot be fetched ({type(error).__name__}): give --runtime=DIR, the folder dist of "
            f"onnxruntime-web {VERSION}, as npm installs it"
        ) from error
    return answer.content
