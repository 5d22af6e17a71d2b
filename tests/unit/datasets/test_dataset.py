"""Samples are a function of their spec, specs a function of seed and step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rechroma.color import lightness, srgb_to_lab
from rechroma.datasets import (
    ColorizationDataset,
    CropConfig,
    ReproducibleBatchSampler,
    SampleSpec,
    Shards,
    degrade_lightness,
    downsample_chroma,
)
from tests.support.shards import synthetic_image, write_shard

CROPS = CropConfig(sizes=(32, 64), size_shares=(0.5, 0.5), degrade_prob=0.5)


@pytest.fixture
def dataset(tmp_path: Path) -> ColorizationDataset:
    return ColorizationDataset(Shards([write_shard(tmp_path / "s.tar", 4)]), CROPS, scale=4)


def test_sample_has_the_requested_size_and_range(dataset: ColorizationDataset) -> None:
    example = dataset[SampleSpec(1, 64, 7)]
    assert example.lightness.shape == (1, 64, 64)
    assert example.hints.shape == (3, 64, 64)
    assert example.chroma.shape == (2, 16, 16)
    assert example.rgb.shape == (3, 64, 64)
    assert example.rgb.dtype == torch.uint8
    assert example.label == -1
    assert 0 <= example.lightness.min() <= example.lightness.max() <= 100


def test_equal_sample_specs_give_equal_samples(dataset: ColorizationDataset) -> None:
    first, again, other = (dataset[SampleSpec(1, 32, seed)] for seed in (7, 7, 8))
    assert first.lightness.equal(again.lightness)
    assert first.chroma.equal(again.chroma)
    assert first.hints.equal(again.hints)
    assert not first.chroma.equal(other.chroma)


def test_sample_tensors_show_the_same_crop(tmp_path: Path) -> None:
    images = Shards([write_shard(tmp_path / "s.tar", 1)])
    example = ColorizationDataset(images, CropConfig(), scale=4)[
        SampleSpec(0, 64, 3, with_hints=True)
    ]
    rgb = example.rgb.permute(1, 2, 0).numpy()
    np.testing.assert_allclose(example.lightness[0], lightness(rgb), atol=1e-3)
    np.testing.assert_allclose(example.chroma, downsample_chroma(rgb, 4), atol=1e-3)
    fixed = example.hints[2].bool().numpy()
    colors = srgb_to_lab(rgb)[..., 1:][fixed]
    given = example.hints[:2, fixed].T.numpy()
    assert np.abs(given - colors).mean() < 8  # a hint is the mean of a patch


def test_dataset_gives_hints_only_for_specs_with_hints(tmp_path: Path) -> None:
    dataset = ColorizationDataset(
        Shards([write_shard(tmp_path / "s.tar", 1)]), CropConfig(), scale=4
    )
    for seed in range(20):
        assert dataset[SampleSpec(0, 32, seed, with_hints=True)].hints[2].any()
        assert not dataset[SampleSpec(0, 32, seed)].hints.any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_hint_prob_is_the_share_of_batches_with_hints(share: float) -> None:
    batches = list(
        ReproducibleBatchSampler(50, CropConfig(hint_prob=share), batch_size=4, seed=1, steps=100)
    )
    assert all(len({spec.with_hints for spec in batch}) == 1 for batch in batches)
    hinted = np.mean([batch[0].with_hints for batch in batches])
    assert hinted == pytest.approx(share, abs=0.15 if 0 < share < 1 else 0)


def test_sample_has_the_label_of_its_image(tmp_path: Path) -> None:
    images = Shards([write_shard(tmp_path / "s.tar", 4, classes=3)])
    dataset = ColorizationDataset(images, CROPS, scale=4)
    labels = [dataset[SampleSpec(number, 32, 0)].label.item() for number in range(4)]
    assert labels == [0, 1, 2, 0]


def specs(
    images: int, crops: CropConfig, batch: int, seed: int, steps: int
) -> list[list[SampleSpec]]:
    return list(ReproducibleBatchSampler(images, crops, batch, seed, steps=steps))


@given(st.integers(0, 40), st.integers(0, 2**32))
def test_sampler_resumes_with_the_same_batches(start: int, seed: int) -> None:
    whole = specs(11, CROPS, 3, seed, 41)
    seen = sum(map(len, whole[:start]))
    rest = ReproducibleBatchSampler(11, CROPS, 3, seed, start=start, seen=seen, steps=41)
    assert list(rest) == whole[start:]
    assert len(rest) == 41 - start


def test_sampler_starts_at_any_step_without_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    images, batch, start = 1_000_000, 32, 15_625
    made: list[int] = []
    make = ReproducibleBatchSampler._draw

    def noted(specs: ReproducibleBatchSampler, step: int, seen: int) -> list[SampleSpec]:
        made.append(step)
        return make(specs, step, seen)

    monkeypatch.setattr(ReproducibleBatchSampler, "_draw", noted)
    late = ReproducibleBatchSampler(
        images, CropConfig(), batch, 3, start=start, seen=start * batch, steps=start + 2
    )
    specs = list(late)
    assert made == [start, start + 1]
    assert len({spec.image for batch in specs for spec in batch}) == 2 * batch


@pytest.mark.parametrize("crops", [CROPS, CropConfig(sizes=(64, 32), size_shares=(0.3, 0.7))])
def test_epoch_has_each_image_once(crops: CropConfig) -> None:
    shown = [spec.image for batch in specs(12, crops, 4, 0, 30) for spec in batch]
    first, second = shown[:12], shown[12:24]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_larger_crops_come_in_smaller_batches() -> None:
    for batch in specs(50, CROPS, 16, 0, 30):
        assert len(batch) == {32: 16, 64: 4}[batch[0].size]
        assert len({spec.size for spec in batch}) == 1


def test_small_chroma_is_the_mean_of_each_cell() -> None:
    rgb = synthetic_image(3, 32, 48)
    ab = srgb_to_lab(rgb)[..., 1:]
    cell = ab[4:8, 8:12].mean(axis=(0, 1))
    np.testing.assert_allclose(downsample_chroma(rgb, 4)[:, 1, 2], cell, atol=1e-3)


@given(st.integers(0, 2**32))
def test_degrade_lightness_keeps_range_and_size(seed: int) -> None:
    rgb = synthetic_image(seed % 7)
    aged = degrade_lightness(rgb, np.random.default_rng(seed))
    assert aged.shape == rgb.shape[:2]
    assert aged.dtype == np.float32
    assert np.isfinite(aged).all()
    assert aged.min() >= 0
    assert aged.max() <= 100


def test_degrade_lightness_changes_most_images_moderately() -> None:
    rgb = synthetic_image(5, 96, 128)
    clean = lightness(rgb)
    aged = [degrade_lightness(rgb, np.random.default_rng(seed)) for seed in range(60)]
    changed = [light for light in aged if np.abs(light - clean).mean() > 1]
    similar = [np.corrcoef(light.ravel(), clean.ravel())[0, 1] for light in aged]
    assert len(changed) > 40
    assert np.median(similar) > 0.8
