"""Feature stores: encoder output, resumption after kills, reproducible reads."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rechroma.color import lightness
from rechroma.datasets import (
    CropConfig,
    FeatureConfig,
    FeatureDataset,
    FeatureStore,
    ReproducibleBatchSampler,
    SampleSpec,
    build_features,
    downsample_chroma,
    feature_loader,
    feature_store,
)
from rechroma.errors import DataError, ModelError, OptionError, TargetError
from tests.support import shards
from tests.support.shards import synthetic_image, write_shard
from tests.support.tiny_encoders import write_encoder

CONFIG = FeatureConfig(crop_size=64, views=2, degrade_prob=0.5, seed=3)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return write_encoder(tmp_path / "encoder.onnx")


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_shard(tmp_path / "train-0000.tar", 6, classes=3)


@pytest.fixture(autouse=True)
def small_chunks_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use small chunks and no worker processes, which take seconds to start."""

    class Inline:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Inline:
            return self

        def __exit__(self, *_: object) -> None: ...

        def shutdown(self, **_: object) -> None: ...

        map = staticmethod(map)

    monkeypatch.setattr(feature_store, "_CHUNK_IMAGES", 4)
    monkeypatch.setattr(feature_store, "ProcessPoolExecutor", Inline)


def build(
    paths: list[Path],
    store: Path,
    encoder: Path,
    config: FeatureConfig = CONFIG,
    *,
    name: str = "tiny",
    weights_sha256: str = "0" * 64,
) -> FeatureStore:
    return build_features(
        paths, store, encoder, config, name=name, weights_sha256=weights_sha256, jobs=1
    )


def test_record_has_features_chroma_lightness_and_label_of_the_same_crop(
    tmp_path: Path, encoder: Path, shard: Path
) -> None:
    config = FeatureConfig(crop_size=64)
    store = build([shard], tmp_path / "store", encoder, config)
    assert len(store) == 6
    assert store.outputs["features_8"] == (1, 8, 8)
    assert store.outputs["pooled_head"] == (1,)
    record = store.read([4])[0]
    light = record["lightness"].astype(float) / 2.55
    np.testing.assert_allclose(
        record["features_8"], light.reshape(1, 8, 2, 8, 2).mean((2, 4)) / 100, atol=4e-3
    )
    np.testing.assert_allclose(record["pooled_head"], light.mean() / 100, atol=2e-3)
    assert record["label"] == 4 % 3
    # The whole short side of 48 pixels, scaled to 64, of an image that is 64 wide.
    crops = (synthetic_image(4)[:, left : left + 48] for left in range(17))
    means = [downsample_chroma(crop, 48)[:, 0, 0] for crop in crops]
    found = record["chroma"].astype(float).mean((1, 2))
    assert min(np.abs(mean - found).max() for mean in means) < 1.5


def test_chroma_and_lightness_have_the_units_of_lab(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgb = np.full((64, 64, 3), (200, 60, 30), np.uint8)
    monkeypatch.setattr(shards, "synthetic_image", lambda _: rgb)
    flat = write_shard(tmp_path / "flat.tar", 1)
    record = build([flat], tmp_path / "store", encoder, FeatureConfig(crop_size=64)).read([0])[0]
    np.testing.assert_allclose(record["lightness"] / 2.55, lightness(rgb)[0, 0], atol=0.3)
    np.testing.assert_allclose(
        record["chroma"][:, 0, 0], downsample_chroma(rgb, 8)[:, 0, 0], atol=0.1
    )


def test_further_views_are_other_crops(tmp_path: Path, encoder: Path, shard: Path) -> None:
    store = build([shard], tmp_path / "store", encoder, replace(CONFIG, views=3, degrade_prob=0))
    assert len(store) == 18
    first, second, third = (store.read([number])[0]["chroma"] for number in range(3))
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


@pytest.mark.parametrize(("share", "degraded"), [(0.0, 0), (1.0, 6)])
def test_degrade_prob_is_the_share_of_degraded_views(
    tmp_path: Path, encoder: Path, shard: Path, share: float, degraded: int
) -> None:
    plain = FeatureConfig(crop_size=64)
    clean = build([shard], tmp_path / "clean", encoder, plain).read(range(6))
    other = build([shard], tmp_path / "other", encoder, replace(plain, degrade_prob=share))
    records = other.read(range(6))
    changed = (records["lightness"] != clean["lightness"]).any(axis=(1, 2, 3))
    assert changed.sum() == degraded
    np.testing.assert_array_equal(records["chroma"], clean["chroma"])


def test_interrupted_build_continues_with_equal_bytes(
    tmp_path: Path, encoder: Path, shard: Path
) -> None:
    whole = build([shard], tmp_path / "whole", encoder)
    store = tmp_path / "store"
    build([shard], store, encoder)
    (store / "0000-0001.npy").unlink()
    (store / ".0123.part").write_bytes(b"half a chunk")
    kept = (store / "0000-0000.npy").stat().st_mtime_ns
    with pytest.raises(DataError, match="unfinished: 1 of 2 chunks"):
        FeatureStore(store)
    assert len(FeatureStore(store, allow_partial=True)) == 8
    again = build([shard], store, encoder)
    assert (store / "0000-0000.npy").stat().st_mtime_ns == kept
    assert not list(store.glob(".*.part"))
    assert again.digest() == whole.digest()
    for file in (tmp_path / "whole").iterdir():
        assert file.read_bytes() == (store / file.name).read_bytes()


def test_further_shards_are_added(tmp_path: Path, encoder: Path, shard: Path) -> None:
    folder = tmp_path / "others"
    folder.mkdir()
    other = write_shard(folder / "train-0000.tar", 3, first=50)  # of the same name
    store = build([shard], tmp_path / "store", encoder)
    before = store.read(range(len(store)))
    both = build([other], tmp_path / "store", encoder)
    assert len(both) == 18
    np.testing.assert_array_equal(both.read(range(12)), before)
    assert len(build([other, shard], tmp_path / "store", encoder)) == 18


@pytest.mark.parametrize(
    ("name", "weights_sha256", "message"),
    [
        ("other", "0" * 64, "built with encoder tiny, not other"),
        ("tiny", "1" * 64, "built with weights_sha256 000000000000..., not 1111"),
    ],
)
def test_store_of_another_encoder_is_rejected(
    tmp_path: Path, encoder: Path, shard: Path, name: str, weights_sha256: str, message: str
) -> None:
    build([shard], tmp_path / "store", encoder)
    with pytest.raises(DataError, match=message) as caught:
        build([shard], tmp_path / "store", encoder, name=name, weights_sha256=weights_sha256)
    assert "-o" in str(caught.value.hint)


def test_store_of_other_views_is_rejected(tmp_path: Path, encoder: Path, shard: Path) -> None:
    build([shard], tmp_path / "store", encoder)
    with pytest.raises(DataError, match="built with config"):
        build([shard], tmp_path / "store", encoder, replace(CONFIG, views=1))


@pytest.mark.parametrize("harm", ["cut", "empty", "foreign"])
def test_damaged_chunk_is_named(tmp_path: Path, encoder: Path, shard: Path, harm: str) -> None:
    build([shard], tmp_path / "store", encoder)
    chunk = tmp_path / "store" / "0000-0001.npy"
    data = chunk.read_bytes()
    chunk.write_bytes({"cut": data[:-1], "empty": b"", "foreign": b"PK\3\4" + data}[harm])
    with pytest.raises(DataError, match=r"0000-0001\.npy: this chunk is damaged") as caught:
        FeatureStore(tmp_path / "store")
    assert "Delete it" in str(caught.value.hint)


def test_full_disk_is_reported_before_work_begins(
    tmp_path: Path, encoder: Path, shard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, 1000))
    with pytest.raises(TargetError, match="are free") as caught:
        build([shard], tmp_path / "store", encoder)
    assert "fewer shards" in str(caught.value.hint)
    assert not list((tmp_path / "store").glob("*.npy"))


def test_store_that_another_process_builds_is_rejected(
    tmp_path: Path, encoder: Path, shard: Path
) -> None:
    store = tmp_path / "store"

    def intrude() -> None:
        (store / ".0123456789abcdef.part").touch()
        with pytest.raises(TargetError, match="store: is in use by another run"):
            build([shard], store, encoder)
        assert (store / ".0123456789abcdef.part").exists()

    build_features(
        [shard], store, encoder, CONFIG, name="tiny", weights_sha256="0" * 64, on_image=intrude
    )
    assert len(build([shard], store, encoder)) == 12
    assert not list(store.glob(".*.part"))


def test_other_folders_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no features\.json"):
        FeatureStore(tmp_path)
    (tmp_path / "features.json").write_text('{"format": 99}')
    with pytest.raises(DataError, match="another version"):
        FeatureStore(tmp_path)
    (tmp_path / "features.json").write_text("[")
    with pytest.raises(DataError, match="not the description"):
        FeatureStore(tmp_path)


def test_other_models_are_rejected(tmp_path: Path, shard: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match="cannot be loaded"):
        build([shard], tmp_path / "store", tmp_path / "text.onnx")
    with pytest.raises(ModelError, match="2 inputs instead of one"):
        build([shard], tmp_path / "store", write_encoder(tmp_path / "two.onnx", inputs=2))
    with pytest.raises(ModelError, match="float16"):
        build([shard], tmp_path / "store", write_encoder(tmp_path / "big.onnx", gain=1e5))


@pytest.mark.parametrize(
    "values", [{"crop_size": 100}, {"views": 0}, {"degrade_prob": 1.5}, {"min_crop_area": 0.0}]
)
def test_invalid_views_are_rejected(values: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        FeatureConfig(**values)  # type: ignore[arg-type]


def test_views_beyond_the_store_are_rejected(tmp_path: Path, encoder: Path, shard: Path) -> None:
    store = build([shard], tmp_path / "store", encoder)
    for number in (-1, 12):
        with pytest.raises(IndexError):
            store.read([number])


def test_batches_are_a_function_of_seed_and_step(
    tmp_path: Path, encoder: Path, shard: Path
) -> None:
    dataset = FeatureDataset(build([shard], tmp_path / "store", encoder))

    def batches(start: int, seen: int) -> list[torch.Tensor]:
        sampler = ReproducibleBatchSampler(
            len(dataset), CropConfig((64,)), 5, 7, start=start, seen=seen, steps=6
        )
        return [batch.features["features_8"] for batch in feature_loader(dataset, sampler)]

    whole, resumed = batches(0, 0), batches(2, 10)
    assert all(first.equal(second) for first, second in zip(whole[2:], resumed, strict=True))
    assert not whole[0].equal(whole[1])
    assert whole[0].shape == (5, 1, 8, 8)
    assert whole[0].dtype == torch.float32


def test_half_of_the_views_are_mirrored_as_a_whole(
    tmp_path: Path, encoder: Path, shard: Path
) -> None:
    store = build([shard], tmp_path / "store", encoder)
    dataset = FeatureDataset(store)
    record = store.read([5])[0]
    mirrored = 0
    for seed in range(40):
        batch = dataset[SampleSpec(5, 64, seed)]
        flip = slice(
            None, None, -1 if float(batch.chroma[0, 0, 0, 0]) != record["chroma"][0, 0, 0] else 1
        )
        mirrored += flip.step == -1
        for name in ("features_8", "features_16", "features_32"):
            np.testing.assert_array_equal(batch.features[name][0], record[name][..., flip])
        np.testing.assert_array_equal(batch.chroma[0], record["chroma"][..., flip])
        np.testing.assert_allclose(
            batch.lightness[0], record["lightness"][..., flip] / 2.55, rtol=1e-5
        )
        assert batch.features["pooled_head"].shape == (1, 1)
        assert batch.label.tolist() == [2]
    assert 10 <= mirrored <= 30
