"""The public interface of `import rechroma`: a change here is a breaking change for users."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import rechroma
from rechroma import colorizer, errors
from rechroma.service import errors as service_errors
from tests.support.models import write_model

if TYPE_CHECKING:
    from types import ModuleType

INVENTORY = {
    "Colorizer",
    "Failure",
    "FileError",
    "Hint",
    "InputError",
    "ModelError",
    "OptionError",
    "RechromaError",
    "Restored",
    "Result",
    "__version__",
    "colorize",
    "colorize_file",
    "colorize_many",
    "errors",
    "list_models",
    "restore_file",
}


def test_public_names_are_exactly_these() -> None:
    assert set(rechroma.__all__) == INVENTORY
    assert set(dir(rechroma)) == INVENTORY
    assert all(getattr(rechroma, name) is not None for name in INVENTORY)


@pytest.mark.parametrize("module", [errors, service_errors])
def test_exception_tree_in_docstring_matches_classes(module: ModuleType) -> None:
    drawn: dict[str, str | None] = {}
    branch: list[str] = []
    for line in (module.__doc__ or "").splitlines():
        if match := re.match(r"    ([│├└─ ]*)(\w+Error)(  |$)", line):
            depth = len(match[1]) // 4
            branch = [*branch[:depth], match[2]]
            drawn[match[2]] = branch[depth - 1] if depth else None
    root = next(iter(drawn))
    defined = {
        name: None if name == root else item.__bases__[0].__name__
        for name, item in vars(module).items()
        if isinstance(item, type) and item.__module__ == module.__name__
    }
    assert drawn == defined
    assert list(drawn) == list(defined)


def test_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Colorist'"):
        _ = rechroma.Colorist  # type: ignore[attr-defined]


def test_import_loads_no_heavy_module() -> None:
    code = "import json, sys, rechroma; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"numpy", "cv2", "PIL", "onnxruntime", "click", "rich", "torch"}


def test_colorize_reuses_one_default_colorizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "tiny.onnx")
    opened = []

    def find(name: str) -> Path:
        opened.append(name)
        return tmp_path / "tiny.onnx"

    monkeypatch.setattr(colorizer, "find_model", find)
    rechroma._default_colorizer.cache_clear()
    gray = Image.new("L", (40, 30), 150)
    for _ in range(2):
        result = rechroma.colorize(gray, saturation=0.5)
        red, _, blue = np.asarray(result)[15, 20]
        assert int(red) > int(blue) + 5
    rechroma._default_colorizer.cache_clear()
    assert opened == ["default"]


def test_onnx_runtime_stores_no_device_identity(tmp_path: Path) -> None:
    """ONNX Runtime would store an id of the device for its telemetry unless told not to."""
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    code = "from rechroma import Colorizer; Colorizer()"
    subprocess.run(
        [sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True
    )
    assert list(tmp_path.iterdir()) == []
