"""`rechroma site`, and the runtime that it ships."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rechroma.cli.root import root_command
from rechroma.models import find_model, get_card
from rechroma.web import site as site_module
from rechroma.web.site import POLICY, write_site
from tests.support.models import write_model

RUNTIME = Path(site_module.__file__).parent / "onnxruntime"
MAX_FIRST_VISIT = 18_000_000  # bytes


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.onnx")


def run(*words: str) -> tuple[int, str]:
    """Run the command, and return its exit code and standard error output."""
    result = CliRunner().invoke(root_command, ["site", *words])
    return result.exit_code, result.stderr


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def constant(worker: str, name: str) -> Any:
    return json.loads(re.search(rf"^const {name} = (.*);$", worker, re.MULTILINE)[1])  # type: ignore[index]


def test_runtime_is_the_named_release() -> None:
    source = json.loads((RUNTIME / "SOURCE.json").read_text("utf-8"))
    assert source["package"] == "onnxruntime-web"
    for name, digest in source["files"].items():
        packed = RUNTIME / f"{name}.gz"
        content = (
            gzip.decompress(packed.read_bytes())
            if packed.exists()
            else (RUNTIME / name).read_bytes()
        )
        assert sha256(content).hexdigest() == digest
        assert source["version"].encode() in content or name.endswith(".wasm")
    assert "MIT" in (RUNTIME / "LICENSE").read_text("utf-8")


def test_first_visit_of_the_bundled_model_is_small(tmp_path: Path) -> None:
    site = write_site(tmp_path, find_model())
    assert site.first_visit < MAX_FIRST_VISIT
    assert site.size == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_command_says_where_the_site_is(tmp_path: Path, tiny: Path) -> None:
    code, stderr = run("-o", str(tmp_path / "site"), "--model", str(tiny))
    assert code == 0
    assert re.search(
        r"the site is in .*site \(\d+\.\d MB; a first visit loads \d+\.\d MB\)", stderr
    )
    assert {"index.html", "manifest.json", "service-worker.js"} <= files_of(tmp_path / "site")


def test_index_is_that_of_the_page_with_relative_addresses(tmp_path: Path, tiny: Path) -> None:
    write_site(tmp_path / "site", tiny)
    html = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert f'content="{POLICY}"' in html
    assert '<meta name="backend" content="local">' in html
    addresses = re.findall(r'(?:href|src)="([^"#]+)"', html)
    assert not [one for one in addresses if one.startswith("/") or ":" in one]
    present = files_of(tmp_path / "site")
    assert not [one for one in addresses if one not in present | {"model-card"}]


def test_page_preloads_the_modules_that_it_imports(tmp_path: Path, tiny: Path) -> None:
    write_site(tmp_path / "site", tiny)
    folder = tmp_path / "site" / "static" / "js"
    html = (tmp_path / "site" / "index.html").read_text("utf-8")
    named = set(re.findall(r'modulepreload" href="static/js/([\w./]+)"', html))
    assert named == {
        path.relative_to(folder).as_posix() for path in _imported(folder / "main.js")
    } - {"main.js"}


def _imported(module: Path, seen: set[Path] | None = None) -> set[Path]:
    """Collect a module and all that it imports, as the page of a site does."""
    seen = set() if seen is None else seen
    if module in seen or not module.exists():  # the service's backend is not part of a site
        return seen
    seen.add(module)
    text = module.read_text("utf-8")
    for name in re.findall(
        r'^import .*?"(\.[^"]+)";|\bimport\("(\.[^"]+)"\)(?!\.)', text, re.M | re.S
    ):
        _imported((module.parent / (name[0] or name[1])).resolve(), seen)
    return seen


def test_service_worker_keeps_the_page(tmp_path: Path, tiny: Path) -> None:
    write_site(tmp_path / "site", tiny)
    worker = (tmp_path / "site" / "service-worker.js").read_text("utf-8")
    kept = constant(worker, "FILES")
    for name, integrity in kept.items():
        content = (tmp_path / "site" / (name or "index.html")).read_bytes()
        assert integrity == f"sha256-{b64encode(sha256(content).digest()).decode()}"
    others = files_of(tmp_path / "site") - kept.keys() - {"index.html", "service-worker.js"}
    assert {Path(name).suffix for name in others} == {".gz", ".txt", ""}
    headers = constant(worker, "HEADERS")
    assert headers == {"Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'"}
    write_site(tmp_path / "threads", tiny, threads=True)
    isolated = (tmp_path / "threads" / "service-worker.js").read_text("utf-8")
    assert constant(isolated, "HEADERS")["Cross-Origin-Opener-Policy"] == "same-origin"
    assert constant(isolated, "VERSION") != constant(worker, "VERSION")


def test_equal_sites_have_equal_files(tmp_path: Path, tiny: Path) -> None:
    for name in ("one", "two"):
        write_site(tmp_path / name, tiny)
    for name in files_of(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_facts_of_the_model_are_those_of_its_card(tmp_path: Path) -> None:
    bins = [[0.0, 0.0], [40.0, 40.0], [-40.0, -40.0]]
    model = write_model(tmp_path / "binned.onnx", hints=True, bins=bins)
    write_site(tmp_path / "site", model)
    facts = json.loads((tmp_path / "site" / "static" / "site.json").read_text("utf-8"))["model"]
    assert facts["bins"] == bins
    assert facts["hints"] is True
    assert (facts["size"], facts["stride"], facts["scale"]) == (64, 8, 4)
    asset = (tmp_path / "site" / facts["file"]).read_bytes()
    assert len(asset) == facts["bytes"]
    assert gzip.decompress(asset) == model.read_bytes()
    assert facts["sha256"] == sha256(model.read_bytes()).hexdigest()
    card = json.loads((tmp_path / "site" / "static" / "model-card.json").read_text("utf-8"))
    assert card["license"]
    assert "bins" not in card


def test_update_replaces_the_files_of_the_site_alone(tmp_path: Path, tiny: Path) -> None:
    folder = tmp_path / "site"
    write_site(folder, tiny)
    first = files_of(folder)
    (folder / "CNAME").write_text("photos.example\n")
    write_site(folder, write_model(tmp_path / "other.onnx", name="other"))
    assert (folder / "CNAME").exists()
    models = [name for name in files_of(folder) if "/models/" in name]
    assert len(models) == 1
    assert "other" in models[0]
    assert len(files_of(folder)) == len(first) + 1


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Path]:
    """A folder with a page of another kind."""
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "index.html").write_text("mine")
    yield folder
    assert files_of(folder) == {"index.html"}
    assert (folder / "index.html").read_text() == "mine"


def test_folder_of_another_site_is_left_alone(taken: Path, tiny: Path) -> None:
    code, stderr = run("-o", str(taken), "--model", str(tiny))
    assert code == 73
    assert "not of a site" in stderr


def test_wrong_models_and_targets_are_errors(tmp_path: Path, tiny: Path) -> None:
    assert run("-o", str(tmp_path / "site"), "--model", "nothing")[0] == 78
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    assert run("-o", str(tmp_path / "site"), "--model", str(broken))[0] == 78
    assert not (tmp_path / "site").exists()
    assert run("-o", str(tiny), "--model", str(tiny))[0] == 73
    assert run("--model", str(tiny))[0] == 2


def test_card_of_the_bundled_model_has_what_the_site_needs() -> None:
    card = get_card("rechroma-5")
    assert card.bins
    assert card.stride % card.scale == 0
