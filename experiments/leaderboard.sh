#!/usr/bin/env bash
# Trains every network on the same small budget, compares them with the one that ships, and writes
# docs/leaderboard.md. A script that was stopped continues when it is called again.
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

train() {  # NAME RECIPE SHARDS SETTINGS...: 400 steps of 32 crops
  local name="$1" recipe="$2" prefix="$3"
  shift 3
  rechroma train "recipes/$recipe.toml" -o "$out/$name" \
    --set steps=400 --set batch_size=32 --set threads=1 --set precision=bfloat16 \
    --set 'crops.sizes=[128]' --set 'crops.size_shares=[1.0]' --set optimizer.ema=0.98 \
    --set "data.train=$shards/$prefix-*.tar" --set 'data.val=[]' "$@"
}

train_and_export() {  # the same arguments
  train "$@"
  [ -s "$out/$1/model.onnx" ] || rechroma export "$out/$1/checkpoint.pt" --name "$1" \
    -o "$out/$1/model.onnx" "${decoding[@]}"
}

decoding=()
train_and_export vgg-fcn vgg-fcn train
train_and_export fusion-autoencoder fusion-autoencoder train --set "$mobilenet"
train_and_export inception-unet inception-unet train
train_and_export eccv16 eccv16 train
train_and_export siggraph17 siggraph17 train
train_and_export attention-gan attention-gan train --set "$resnet"
decoding=("${mixed[@]}") && train_and_export rechroma rechroma-4/1-classification train --set "$resnet"

# Butterflies of 75 species, with and without their labels.
labeled=(--set network.options.classes=75 --set "data.val=$shards/butterflies-val-*.tar"
  --set validation.interval=100 --set validation.images=450)
decoding=()
train_and_export butterflies-unlabeled inception-unet butterflies-train
train_and_export butterflies-labeled inception-unet butterflies-train "${labeled[@]}" --set loss.classes=0.3
rechroma finetune default "$shards/butterflies-train-*.tar" -o "$out/butterflies-finetuned" \
  --set threads=1 --set precision=bfloat16 "${labeled[@]}" --set loss.classes=0.1

{
  cat <<PAGE
# Leaderboard

This page compares the networks of Rechroma after equal, short training. It was written by
\`experiments/leaderboard.sh\` on $(date +%F), commit $(git rev-parse --short HEAD). All
networks are trained on the same 12,800 crops of 128 pixels (400 steps of 32, one CPU core, bfloat16),
from scratch unless the recipe names an encoder: this compares what they learn on a small budget, not
what they can reach. \`default\` is the network that shipped then ([rechroma-4](rechroma-4.md)), trained on
175,000 crops. Compare every metric with the rows *gray* and *truth*; [evaluate.md](evaluate.md) defines them.
*weights* counts all constants in the model file, including fixed ones such as the table of color bins.
Seconds are the median time of a photograph, and the memory is the peak of a process that runs the model;
the minutes of training were measured on a machine that was doing other work as well.

## Photographs
500 held-out photographs of many kinds.

PAGE
  runs=(vgg-fcn fusion-autoencoder inception-unet eccv16 siggraph17 attention-gan rechroma)
  rechroma compare default "${runs[@]/#/$out/}" "$shards/dev-*.tar"
  cat <<PAGE

## Butterflies
75 species, 3,000 training and 450 validation images. \`inception-unet\` is trained from scratch for 400
steps, with and without labels; \`butterflies-finetuned\` is \`rechroma finetune default\`, 300 steps. The
column *labels* is the accuracy of the species classifier in percent (chance: 1.3). The fine-tuned
network classifies hardly any image correctly, because the vector that its classifier gets is nearly the
same for all images ([experiments/LOG.md](../experiments/LOG.md)).

PAGE
  runs=(butterflies-unlabeled butterflies-labeled butterflies-finetuned)
  rechroma compare default "${runs[@]/#/$out/}" "$shards/butterflies-val-*.tar"
} >"$out/leaderboard.md"
cp "$out/leaderboard.md" docs/leaderboard.md
