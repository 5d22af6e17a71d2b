#!/usr/bin/env bash
# The run that made `rechroma-1`: train, export, measure, and export again with the figures.
#
#   runs/first.sh SHARDS ENCODER
#
# SHARDS: a folder with train-*.tar and dev-*.tar; ENCODER: mobilenet_v2_1.0.safetensors.
set -euo pipefail
cd "$(dirname "$0")/.."
shards="${1:?folder of shards}"
encoder="${2:?file of encoder weights}"
out=checkpoints/first

rechroma train recipes/first.toml -o "$out" \
  --set "data.train=$shards/train-*.tar" \
  --set "data.dev=$shards/dev-*.tar" \
  --set "network.encoder_weights=$encoder"

export_model() {
  rechroma export "$out/checkpoint.pt" -o "$out/rechroma-1.onnx" --card recipes/first.card.json \
    --temperature 0.6 --regression-share 0.25 "$@"
}
export_model
rechroma evaluate "$out/rechroma-1.onnx" "$shards/dev-*.tar" --json --sheet "$out/dev.jpg" >"$out/dev.json"
export_model --report "$out/dev.json" --commit "$(git rev-parse HEAD)"
rechroma evaluate "$out/rechroma-1.onnx" "$shards/dev-*.tar"
