#!/usr/bin/env bash
# Puts a release of onnxruntime-web into the package, for `rechroma site`:
#
#     experiments/bundle_onnxruntime_web.sh 1.30.0
#
# It needs npm. The license, which the release does not contain, stays; look at it when you update.
set -euo pipefail
version="${1:?give a version}"
target="$(cd "$(dirname "$0")/.." && pwd)/src/rechroma/web/onnxruntime"
folder="$(mktemp -d)"
trap 'rm -r "$folder"' EXIT
cd "$folder"
npm pack --silent "onnxruntime-web@$version" > /dev/null
tar xzf "onnxruntime-web-$version.tgz" package/dist/ort.wasm.bundle.min.mjs package/dist/ort-wasm-simd-threaded.wasm
cd package/dist
python3 - "$version" > "$target/SOURCE.json" << 'END'
import hashlib, json, pathlib, sys

files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(pathlib.Path().iterdir())}
source = {"package": "onnxruntime-web", "version": sys.argv[1], "license": "MIT", "files": files}
print(json.dumps(source, indent=2))
END
cp ort.wasm.bundle.min.mjs "$target"
gzip -9 -n -c ort-wasm-simd-threaded.wasm > "$target/ort-wasm-simd-threaded.wasm.gz"
