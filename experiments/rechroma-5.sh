#!/usr/bin/env bash
# The training of `rechroma-5`: store features, train in two stages, export, evaluate, and export
# again with the metrics in the card.
#
#   experiments/rechroma-5.sh SHARDS ENCODER
#
# SHARDS: a folder with train-*.tar, dev-*.tar and open-*.tar; ENCODER: efficientnet-lite2.safetensors, made by
# experiments/convert_efficientnet_lite.py. A script that was stopped continues when it is called
# again.
set -euo pipefail
cd "$(dirname "$0")/.."
shards="${1:?folder of shards}"
encoder="${2:?file of encoder weights}"
out=checkpoints/rechroma-5

rechroma data features "$shards/train-*.tar" --weights "$encoder" -o "$out/features" --degrade-prob 0.35
rechroma train recipes/rechroma-5/1-coarse.toml -o "$out/1-coarse" \
  --set "data.features=$out/features" --set "network.encoder_weights=$encoder"
rechroma train recipes/rechroma-5/2-upsampling.toml -o "$out/2-upsampling" \
  --set "network.init_from=$out/1-coarse/checkpoint.pt" \
  --set "data.train=$shards/train-*.tar" --set "data.val=$shards/dev-*.tar"

export_model() {
  rechroma export "$out/2-upsampling/checkpoint.pt" -o "$out/rechroma-5.onnx" --overwrite \
    --card recipes/rechroma-5/card.json \
    --temperature 0.45 --regression-share 0.4 --saturation 1.1 "$@"
}
export_model
rechroma evaluate "$out/rechroma-5.onnx" "$shards/open-*.tar" --json --sheet "$out/open.jpg" --overwrite >"$out/open.json"
export_model --report "$out/open.json" --commit "$(git rev-parse HEAD)"
rechroma evaluate "$out/rechroma-5.onnx" "$shards/open-*.tar" --degraded --hints --sizes --limit 60
