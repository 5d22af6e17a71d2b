#!/usr/bin/env bash
# The training of `rechroma-4`: train, export, evaluate, and export again with the metrics in the card.
#
#   experiments/rechroma-4.sh SHARDS ENCODER
#
# SHARDS: a folder with train-*.tar and dev-*.tar; ENCODER: resnet50_v2_stages1-3.safetensors.
# A script that was stopped continues when it is called again.
set -euo pipefail
cd "$(dirname "$0")/.."
shards="${1:?folder of shards}"
encoder="${2:?file of encoder weights}"
out=checkpoints/rechroma-4

stage() {  # NAME ARGUMENTS...: one stage of training
  local name="$1"
  shift
  rechroma train "recipes/rechroma-4/$name.toml" -o "$out/$name" \
    --set "data.train=$shards/train-*.tar" \
    --set "data.val=$shards/dev-*.tar" \
    --set "network.encoder_weights=$encoder" "$@"
}
stage 1-classification
stage 2-unfreeze --set "network.init_from=$out/1-classification/checkpoint.pt"
stage 3-rebalance --set "network.init_from=$out/2-unfreeze/checkpoint.pt"

export_model() {
  rechroma export "$out/3-rebalance/checkpoint.pt" -o "$out/rechroma-4.onnx" --overwrite --card recipes/rechroma-4/card.json \
    --temperature 0.5 --regression-share 0.4 --saturation 1.34 "$@"
}
export_model
rechroma evaluate "$out/rechroma-4.onnx" "$shards/dev-*.tar" --json --sheet "$out/dev.jpg" --overwrite >"$out/dev.json"
export_model --report "$out/dev.json" --commit "$(git rev-parse HEAD)"
rechroma evaluate "$out/rechroma-4.onnx" "$shards/dev-*.tar" --degraded --hints --sizes
