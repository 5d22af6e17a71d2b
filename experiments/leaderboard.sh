#!/usr/bin/env bash
# Trains every network on the same small budget and measures them next to the one that ships; writes
# docs/leaderboard.md. Stopped at any moment and called again, it goes on; what is done is kept.
#
#   experiments/leaderboard.sh SHARDS ENCODERS [OUT]
#
# SHARDS: a folder with train-*.tar, dev-*.tar, butterflies-train-*.tar and butterflies-val-*.tar;
# ENCODERS: one with resnet50_v2_stages1-3 and mobilenet_v2_1.0 (.safetensors).
set -euo pipefail
cd "$(dirname "$0")/.."
shards="${1:?folder of shards}"
encoders="${2:?folder of encoder weights}"
out="${3:-checkpoints/leaderboard}"

resnet="network.encoder_weights=$encoders/resnet50_v2_stages1-3.safetensors"
mobilenet="network.encoder_weights=$encoders/mobilenet_v2_1.0.safetensors"
mixed=(--temperature 0.5 --regression-share 0.4 --saturation 1.2)

train() {  # NAME RECIPE PICTURES SETTINGS...: 400 steps of 32 crops
  local name="$1" recipe="$2" pictures="$3"
  shift 3
  rechroma train "recipes/$recipe.toml" -o "$out/$name" \
    --set steps=400 --set batch_size=32 --set threads=1 --set precision=bfloat16 \
    --set 'crops.sizes=[128]' --set 'crops.size_shares=[1.0]' --set optimizer.ema=0.98 \
    --set "data.train=$shards/$pictures-*.tar" --set 'data.val=[]' "$@"
}

learn() {  # as train, and a model file
  train "$@"
  [ -s "$out/$1/model.onnx" ] || rechroma export "$out/$1/checkpoint.pt" --name "$1" \
    -o "$out/$1/model.onnx" "${decoding[@]}"
}

decoding=()
learn vgg-fcn vgg-fcn train
learn fusion-autoencoder fusion-autoencoder train --set "$mobilenet"
learn inception-unet inception-unet train
learn eccv16 eccv16 train
learn siggraph17 siggraph17 train
learn attention-gan attention-gan train --set "$resnet"
decoding=("${mixed[@]}") && learn rechroma rechroma-1-classification train --set "$resnet"

# The butterflies: 75 species, color learned with and without their names.
labeled=(--set network.options.classes=75 --set "data.val=$shards/butterflies-val-*.tar"
  --set validation.interval=100 --set validation.images=450)
decoding=()
learn butterflies-unlabeled inception-unet butterflies-train
learn butterflies-labeled inception-unet butterflies-train "${labeled[@]}" --set loss.classes=0.3
rechroma finetune default "$shards/butterflies-train-*.tar" -o "$out/butterflies-finetuned" \
  --set threads=1 --set precision=bfloat16 "${labeled[@]}" --set loss.classes=0.1

{
  cat <<PAGE
# Leaderboard

Written by \`experiments/leaderboard.sh\` on $(date +%F), commit $(git rev-parse --short HEAD). Every network
learns from the same 12,800 crops of 128 pixels (400 steps of 32, one CPU core, bfloat16), from scratch
unless its recipe names an encoder; so this compares how far they come on little, not how far they can
come. \`default\` is the network that ships ([card](rechroma-4.md)), which has seen 175,000 crops. What
the figures mean: [evaluate.md](evaluate.md); none means anything without the rows *gray* and *truth*.
Milliseconds are of the network alone at 256 x 256, all in one run; minutes of training are of a
machine that was doing other work as well.

## Photographs
500 held-out photographs of many kinds.

PAGE
  runs=(vgg-fcn fusion-autoencoder inception-unet eccv16 siggraph17 attention-gan rechroma)
  rechroma leaderboard default "${runs[@]/#/$out/}" --data "$shards/dev-*.tar"
  cat <<PAGE

## Butterflies
75 species, 3,000 pictures to learn from and 450 to measure on. \`inception-unet\` from scratch with and
without their names, 400 steps; \`butterflies-finetuned\` is \`rechroma finetune default\`, 300 steps.
Labels: per cent of the species named right (by chance: 1.3). The fine-tuned network names next to none:
the vector that its classifier stands on hardly differs from picture to picture
([experiments/LOG.md](../experiments/LOG.md)).

PAGE
  runs=(butterflies-unlabeled butterflies-labeled butterflies-finetuned)
  rechroma leaderboard default "${runs[@]/#/$out/}" --data "$shards/butterflies-val-*.tar"
} >"$out/leaderboard.md"
cp "$out/leaderboard.md" docs/leaderboard.md
