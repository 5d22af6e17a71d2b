"""The page as a static site: a folder that any host serves, with the model running in the browser.

The page is the service's own (`static/`), with the backend `js/local/` in place of `js/service/`.
All addresses are relative, so that the folder can be served from any path.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rechroma._version import __version__
from rechroma.errors import TargetError, TargetExistsError
from rechroma.fs import check_target, translate_os_errors, write_atomically
from rechroma.imaging.metadata.icc import srgb_profile
from rechroma.models import read_card
from rechroma.options import OPTIONS
from rechroma.web import page_data
from rechroma.web.samples import COPIES, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rechroma.models import ModelCard

_WEB = Path(__file__).parent
_STATIC, _RUNTIME, _ICONS = _WEB / "static", _WEB / "onnxruntime", _WEB / "icons"
_SITE, _WORKER = "static/site.json", "service-worker.js"
_OWN_FOLDERS = ("static", "samples")
_LEVEL = 9  # of gzip
_HASH_SIGNS = 12
_NOT_KEPT = (".gz", ".txt", "LICENSE", ".nojekyll", _WORKER)  # by the service worker
_MODEL_FACTS = ("name", "description", "hints", "size", "stride", "scale", "distribution_scale")

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)
"""The Content-Security-Policy of the site."""
_ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


@dataclass(frozen=True)
class Site:
    """A site that was written.

    Attributes:
        folder: Its folder.
        size: Its size in bytes.
        first_visit: Bytes that a first visit loads, where the host compresses text.
    """

    folder: Path
    size: int
    first_visit: int


def write_site(folder: Path, model: Path, *, threads: bool = False) -> Site:
    """Write a site, or update one; its service worker comes last, so that visitors get all or none.

    Files of the folder that are not of a site, such as `CNAME` or `.git`, stay.

    Args:
        folder: The folder, created if it is missing.
        model: The model file.
        threads: Whether the service worker isolates the page from other origins, for which browsers
            let the model use several threads.

    Raises:
        ModelContractError: The file is not a model, or violates the contract.
        TargetExistsError: The folder has a page or files that are not of a site.
        TargetError: The file system refused.
    """
    _check_folder(folder)
    files = _files(model, threads=threads)
    for name, content in files.items():
        write_atomically(folder / name, content, overwrite=True)
    with translate_os_errors(folder):
        for path in [each for own in _OWN_FOLDERS for each in (folder / own).rglob("*")]:
            if path.is_file() and path.relative_to(folder).as_posix() not in files:
                path.unlink()
    visited = [content for name, content in files.items() if not name.endswith((".txt", "LICENSE"))]
    packed = sum(min(len(content), len(gzip.compress(content))) for content in visited)
    return Site(folder, sum(map(len, files.values())), packed)


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise TargetError(f"{folder} is not a folder", hint="Choose another target.")
    taken = [name for name in ("index.html", *_OWN_FOLDERS) if (folder / name).exists()]
    if taken and not (folder / _SITE).is_file():
        raise TargetExistsError(
            f"{folder / taken[0]} is not of a site that 'rechroma site' wrote",
            hint="Choose an empty or a new folder.",
        )
    check_target(folder / "index.html", overwrite=True)


def _files(model: Path, *, threads: bool) -> Mapping[str, bytes]:
    """Create the content of all files, by their paths; the service worker is the last."""
    card = read_card(model)
    model_asset, runtime_asset = _model_asset(card, model), _runtime_asset()
    samples = dict(_samples())
    site = {
        "version": __version__,
        "sliders": page_data.sliders(),
        "samples": [name for name in samples if "/" not in name],
        "quality": OPTIONS["quality"].default,
        "model": _facts(card) | model_asset.description,
        "runtime": runtime_asset.description,
    }
    files = {
        "index.html": _index(),
        "manifest.json": _json(_manifest()),
        **{f"static/icons/{path.name}": path.read_bytes() for path in sorted(_ICONS.glob("*.png"))},
        **dict(_static_files()),
        _SITE: _json(site),
        "static/model-card.json": _json(page_data.card_for_reading(card)),
        "static/srgb.icc": srgb_profile(),
        **{f"samples/{name}.jpg": content for name, content in samples.items()},
        model_asset.file: model_asset.packed,
        runtime_asset.file: runtime_asset.packed,
        ".nojekyll": b"",  # GitHub Pages serves the files as they are
    }
    return files | {_WORKER: _service_worker(files, threads=threads)}


@dataclass(frozen=True)
class _Asset:
    """A compressed file that the page keeps under an address with the hash of its content."""

    file: str
    packed: bytes
    sha256: str

    @property
    def description(self) -> dict[str, Any]:
        return {"file": self.file, "bytes": len(self.packed), "sha256": self.sha256}


def _model_asset(card: ModelCard, path: Path) -> _Asset:
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    packed = gzip.compress(content, _LEVEL, mtime=0)
    return _Asset(f"static/models/{card.name}-{digest[:_HASH_SIGNS]}.onnx.gz", packed, digest)


def _runtime_asset() -> _Asset:
    digest = json.loads((_RUNTIME / "SOURCE.json").read_text("utf-8"))["files"][
        "ort-wasm-simd-threaded.wasm"
    ]
    packed = (_RUNTIME / "ort-wasm-simd-threaded.wasm.gz").read_bytes()
    return _Asset(f"static/onnxruntime/ort-{digest[:_HASH_SIGNS]}.wasm.gz", packed, digest)


def _facts(card: ModelCard) -> dict[str, Any]:
    facts = {name: getattr(card, name) for name in _MODEL_FACTS}
    return facts | {"bins": [[round(value, 4) for value in pair] for pair in card.bins]}


def _index() -> bytes:
    """Change the page's index: its backend, its policy, and what makes it installable."""
    html = (_STATIC / "index.html").read_text("utf-8")
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '  <link rel="manifest" href="manifest.json">\n'
        '  <link rel="apple-touch-icon" href="static/icons/icon-192.png">\n'
        '  <meta name="backend" content="local">'
    )
    html = _replace(html, '<meta name="backend" content="service">', head)
    preload = '<link rel="modulepreload" href="static/js/{}">'
    lines = [line for line in html.splitlines() if preload.format("service/")[:-2] not in line]
    local = ("local/backend.js", *_names(_STATIC / "js", "local/metadata"), "local/fileKinds.js")
    entry = '  <script type="module"'
    at = next(number for number, line in enumerate(lines) if line.startswith(entry))
    lines[at:at] = [f"  {preload.format(name)}" for name in local]
    return ("\n".join(lines) + "\n").encode()


def _replace(text: str, old: str, new: str) -> str:
    before, found, after = text.partition(old)
    assert found, f"the page has no {old}"
    return f"{before}{new}{after}"


def _names(root: Path, folder: str) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in (root / folder).glob("*.js"))


def _static_files() -> Iterable[tuple[str, bytes]]:
    for path in sorted(_STATIC.rglob("*")):
        name = path.relative_to(_STATIC).as_posix()
        if path.is_file() and name != "index.html" and not name.startswith("js/service/"):
            yield f"static/{name}", path.read_bytes()
    # Not every host knows the suffix .mjs.
    bundle = (_RUNTIME / "ort.wasm.bundle.min.mjs").read_bytes()
    yield "static/onnxruntime/ort.wasm.bundle.min.js", bundle
    yield "static/onnxruntime/LICENSE", (_RUNTIME / "LICENSE").read_bytes()
    native = find_spec("onnxruntime")
    for folder in (native.submodule_search_locations or ()) if native else ():
        notices = Path(folder, "ThirdPartyNotices.txt")
        if notices.is_file():
            yield "static/onnxruntime/ThirdPartyNotices.txt", notices.read_bytes()


def _samples() -> Iterable[tuple[str, bytes]]:
    """Create the samples whose license lets anyone publish them, in two sizes."""
    for sample in SAMPLES:
        path = COPIES / f"{sample.name}.jpg"
        if path.is_file():
            yield sample.name, page_data.gray_sample(path, *page_data.LARGE_SAMPLE)
            yield f"small/{sample.name}", page_data.gray_sample(path, *page_data.SMALL_SAMPLE)


def _manifest() -> dict[str, Any]:
    icons = [
        {"src": f"static/icons/icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png"}
        for side in (192, 512)
    ]
    return {
        "name": "Rechroma",
        "description": "Color for black-and-white photographs, on this device.",
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#2b2a28",
        "theme_color": "#2b2a28",
        "icons": [
            {**icon, "purpose": purpose} for icon in icons for purpose in ("any", "maskable")
        ],
    }


def _service_worker(files: Mapping[str, bytes], *, threads: bool) -> bytes:
    kept = {
        "" if name == "index.html" else name: _integrity(content)
        for name, content in files.items()
        if not name.endswith(_NOT_KEPT)
    }
    headers = {"Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'"}
    headers |= _ISOLATION if threads else {}
    source = (_WEB / "service_worker.js").read_text("utf-8")
    version = sha256(json.dumps([kept, headers, source]).encode()).hexdigest()[:_HASH_SIGNS]
    constants = {"VERSION": version, "FILES": kept, "HEADERS": headers}
    lines = [f"const {name} = {json.dumps(value)};\n" for name, value in constants.items()]
    return ("".join(lines) + source).encode()


def _integrity(content: bytes) -> str:
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"


def _json(value: object) -> bytes:
    return f"{json.dumps(value, indent=1, ensure_ascii=False)}\n".encode()
