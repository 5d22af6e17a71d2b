"""Packages whose names are imported on first use."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ["rechroma", "rechroma.imaging", "rechroma.engines"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        assert getattr(module, name) is value


def test_a_name_comes_before_the_module_of_the_same_name() -> None:
    from rechroma.imaging import contact_sheet

    assert callable(contact_sheet)


@pytest.mark.parametrize("package", PACKAGES)
def test_another_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        import_module(package).nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("from rechroma.imaging import default_target", {"numpy", "PIL", "cv2", "onnxruntime"}),
        ("from rechroma.engines import OnnxEngine", {"PIL", "cv2"}),
    ],
)
def test_little_is_imported_before_the_model_loads(code: str, heavy: set[str]) -> None:
    report = f"import sys; {code}; print(*{heavy!r} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", report], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []
