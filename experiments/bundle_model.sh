#!/usr/bin/env bash
# Copies a color model into the package and makes it the default: experiments/bundle_model.sh MODEL.onnx
set -euo pipefail
model="${1:?color model file}"
folder="$(dirname "$0")/../src/rechroma/models/bundled"
name="$(basename "$model" .onnx)"
cp "$model" "$folder/$name.onnx"
python3 - "$folder" "$name" <<'PYTHON'
import hashlib, json, pathlib, sys

folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
sha256 = hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest()
entry = {"file": f"{name}.onnx", "sha256": sha256}
manifest = {"default": name, "models": {name: entry}}
(folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
PYTHON
