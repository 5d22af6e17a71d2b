#!/usr/bin/env bash
# Ablations: short runs that differ from the base run in one setting, each evaluated on 100 images,
# clean and degraded.
#
#   experiments/ablations.sh SHARDS ENCODERS [OUT]
#
# SHARDS: a folder with train-*.tar and dev-*.tar; ENCODERS: one with resnet50_v2_stages1-3,
# mobilenet_v2_1.0 and mobilenet_edgetpu_1.0 (.safetensors). Existing runs are kept.
set -euo pipefail
cd "$(dirname "$0")/.."
shards="${1:?folder of shards}"
encoders="${2:?folder of encoder weights}"
out="${3:-checkpoints/ablations}"

mixed=(--temperature 0.5 --regression-share 0.4 --saturation 1.2)

export_and_evaluate() {  # NAME CHECKPOINT EXPORT-OPTIONS...
  local name="$1" checkpoint="$2"
  shift 2
  [ -s "$out/$name.json" ] && return
  rechroma export "$checkpoint" -o "$out/$name.onnx" --overwrite --card recipes/rechroma-4/card.json "$@" >/dev/null
  rechroma evaluate "$out/$name.onnx" "$shards/dev-*.tar" --limit 100 --degraded --json >"$out/$name.part"
  mv "$out/$name.part" "$out/$name.json"
}

run() {  # NAME SETTINGS...: a short run
  local name="$1"
  shift
  rechroma train recipes/rechroma-4/1-classification.toml -o "$out/$name" \
    --set steps=200 --set 'crops.sizes=[128]' --set 'crops.size_shares=[1.0]' \
    --set optimizer.ema=0.98 \
    --set "data.train=$shards/train-*.tar" --set 'data.val=[]' \
    --set "network.encoder_weights=$encoders/resnet50_v2_stages1-3.safetensors" "$@"
  local decoding=("${mixed[@]}")
  [ "$name" = regression ] && decoding=(--regression-share 1 --saturation 1)
  export_and_evaluate "$name" "$out/$name/checkpoint.pt" "${decoding[@]}"
}

run_adversarial() {  # NAME SETTINGS...: the adversarial phase, from the base run
  local name="$1"
  shift
  rechroma train recipes/ablations/adversarial.toml -o "$out/$name" \
    --set "network.init_from=$out/base/checkpoint.pt" \
    --set "data.train=$shards/train-*.tar" --set 'data.val=[]' \
    --set "network.encoder_weights=$encoders/resnet50_v2_stages1-3.safetensors" "$@"
  export_and_evaluate "$name" "$out/$name/checkpoint.pt" "${mixed[@]}"
}

# Setting for a network with other options than the recipe's.
options() { echo "network.options={encoder = \"resnet-50\", widths = [192, 128, 96, 64], $1}"; }
encoder() {  # NAME FILE: settings for another encoder
  echo --set "network.options={encoder=\"$1\",widths=[192,128,96,64]}" \
    --set "network.encoder_weights=$encoders/$2.safetensors"
}

run base
run seed-2 --set seed=2
run seed-3 --set seed=3
run not-rebalanced --set loss.rebalance_lambda=1.0
run half-rebalanced --set loss.rebalance_lambda=0.8
run regression --set loss.bins=0.0 --set loss.ab=1.0
run no-film --set "$(options 'film = false')"
run no-attention --set "$(options 'attention = false')"
run never-degraded --set crops.degrade_prob=0.0
run encoder-learns --set optimizer.freeze_encoder_fraction=0.0 --set optimizer.encoder_lr=5e-5
# shellcheck disable=SC2046
run mobilenet-v2 $(encoder mobilenet-v2 mobilenet_v2_1.0)
# shellcheck disable=SC2046
run mobilenet-edgetpu $(encoder mobilenet-edgetpu mobilenet_edgetpu_1.0)
for temperature in 0.2 0.38 0.6 1.0; do
  export_and_evaluate "bins-$temperature" "$out/base/checkpoint.pt" --temperature "$temperature"
done
run_adversarial critic --set steps=100
run_adversarial no-critic --set steps=60 --set adversary.weight=0.0  # as many steps without a critic
python experiments/results_table.py "$out"/*.json
