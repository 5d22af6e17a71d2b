"""What `import rechroma` offers: a change here is a change for everyone who uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rechroma
from rechroma import colorizer, errors
from tests.support.models import write_model

INVENTORY = {
    "AuthenticationError",
    "BrokenImageError",
    "OverloadedError",
    "CheckpointError",
    "ClientError",
    "Colorizer",
    "DataError",
    "DivergedError",
    "EmptyImageError",
    "EngineError",
    "Failure",
    "FetchError",
    "FileError",
    "Hint",
    "HintError",
    "ImageTooLargeError",
    "ImageTooSmallError",
    "InputError",
    "InvalidChromaError",
    "JobExpiredError",
    "JobNotReadyError",
    "MemoryExhaustedError",
    "MissingExtraError",
    "ModelContractError",
    "ModelError",
    "ModelFeatureError",
    "ModelIntegrityError",
    "ModelNotFoundError",
    "JobNotFoundError",
    "NotAcceptableError",
    "NotAnImageError",
    "OptionError",
    "ForbiddenOriginError",
    "ParityError",
    "PoisonImageError",
    "ProviderError",
    "RechromaError",
    "RecipeError",
    "ApiError",
    "IdempotencyConflictError",
    "RequestError",
    "Result",
    "ServiceError",
    "SourceError",
    "StoreError",
    "TargetError",
    "TargetExistsError",
    "ProcessingTimeoutError",
    "InternalError",
    "JobTimeoutError",
    "ConnectionFailedError",
    "UnsupportedImageError",
    "UploadTooLargeError",
    "TrainingError",
    "__version__",
    "colorize",
    "list_models",
}


def test_inventory() -> None:
    assert set(rechroma.__all__) == INVENTORY
    assert set(dir(rechroma)) == INVENTORY


@pytest.mark.parametrize("name", sorted(INVENTORY))
def test_each_name_is_there(name: str) -> None:
    assert getattr(rechroma, name) is not None


def test_every_error_is_public() -> None:
    defined = {name for name, item in vars(errors).items() if isinstance(item, type)}
    assert {name for name in defined if name.endswith("Error")} <= INVENTORY


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Colorizer'"):
        _ = rechroma.Colorizer


def test_importing_it_is_cheap() -> None:
    code = "import json, sys, rechroma; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"numpy", "cv2", "PIL", "onnxruntime", "click", "rich", "torch"}


def test_colorize_uses_one_default_colorizer(
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


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    """ONNX Runtime keeps an identity of the device, for its makers, unless it is told not to."""
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    code = "from rechroma import Colorizer; Colorizer()"
    subprocess.run(
        [sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True
    )
    assert list(tmp_path.iterdir()) == []
