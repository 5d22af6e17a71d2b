"""Feature store: the outputs of a frozen encoder, precomputed for views of the images in shards.

A frozen encoder gives the same features in every epoch, so they are computed once and training
reads them by memory map. A store is a folder: `features.json` names the encoder, the views and the
shards, and each `SSSS-CCCC.npy` (shard, chunk) is an array of records, one for each view, with all
features of the view side by side, so that one read fetches a sample.

A chunk is written under a temporary name and renamed when it is whole. `features.json` alone
determines all chunks and their contents, so the files present are the only record of progress: a
build that was killed at any moment continues with the missing chunks. A view depends on (seed, file
name of the shard, key, number of the view), and not on the process that computes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from itertools import accumulate
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rechroma.color import lightness
from rechroma.datasets.crops import downsample_chroma, random_crop
from rechroma.datasets.degradation import degrade_lightness
from rechroma.datasets.shards import Shards, shard_paths
from rechroma.errors import DataError, ModelError, OptionError, TargetError
from rechroma.fs import lock_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from rechroma.color.lab import Float

HEADER = "features.json"
CHROMA_SCALE = 8
"""Side of the encoder's input over that of the stored a*b*."""
LIGHTNESS_SCALE = 4
"""Side of the encoder's input over that of the stored lightness."""

_FORMAT = 1
_STRIDE = 32  # of the coarsest features
_CHUNK_IMAGES = 256
_SPARE_BYTES = 256 << 20  # to leave free on the disk
_RESERVED = ("chroma", "lightness", "label")


@dataclass(frozen=True)
class FeatureConfig:
    """Views taken of each image.

    Attributes:
        crop_size: Side of the encoder's input in pixels, a multiple of 32.
        views: Views of each image. The first shows the whole short side, the others a crop.
        min_crop_area: Smallest share of the largest square's area that the other views show, 0..1.
        degrade_prob: Share of views whose lightness looks like that of an old print, 0..1.
        seed: Seed of positions, areas and degradations.
    """

    crop_size: int = 256
    views: int = 1
    min_crop_area: float = 0.4
    degrade_prob: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.crop_size < _STRIDE or self.crop_size % _STRIDE:
            raise OptionError(f"the crop size {self.crop_size} is not a multiple of {_STRIDE}")
        if self.views < 1:
            raise OptionError(f"{self.views} views per image are too few", hint="Use 1 or more.")
        if not (0 < self.min_crop_area <= 1 and 0 <= self.degrade_prob <= 1):
            raise OptionError("min_crop_area and degrade_prob are shares between 0 and 1")


class _Chunk(NamedTuple):
    """Images `start` to `stop` of the shard with that number."""

    shard: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.shard:04}-{self.start // _CHUNK_IMAGES:04}.npy"


@dataclass(frozen=True)
class _Header:
    """Content of `features.json`, which determines all chunks and their contents."""

    encoder: str
    weights_sha256: str
    config: FeatureConfig
    outputs: dict[str, tuple[int, ...]]
    shards: tuple[dict[str, Any], ...]

    @property
    def dtype(self) -> np.dtype[np.void]:
        """Type of one record."""
        size = self.config.crop_size
        chroma, small = size // CHROMA_SCALE, size // LIGHTNESS_SCALE
        features = [(name, "<f2", shape) for name, shape in self.outputs.items()]
        return np.dtype(
            [
                *features,
                ("chroma", "<f2", (2, chroma, chroma)),
                ("lightness", "u1", (1, small, small)),
                ("label", "<i4"),
            ]
        )

    def chunks(self) -> Iterator[_Chunk]:
        for number, shard in enumerate(self.shards):
            for start in range(0, shard["images"], _CHUNK_IMAGES):
                yield _Chunk(number, start, min(start + _CHUNK_IMAGES, shard["images"]))

    def to_json(self) -> str:
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def read(cls, store: Path) -> _Header:
        """Read `features.json`.

        Raises:
            DataError: It is missing, unreadable, or of another format.
        """
        path = store / HEADER
        try:
            fields = json.loads(path.read_text("utf-8"))
            if fields.pop("format") != _FORMAT:
                raise ValueError("written by another version")
            outputs = {name: tuple(shape) for name, shape in fields.pop("outputs").items()}
            config = FeatureConfig(**fields.pop("config"))
            shards = tuple(fields.pop("shards"))
            return cls(config=config, outputs=outputs, shards=shards, **fields)
        except FileNotFoundError as error:
            raise DataError(
                f"{store}: not a feature store: there is no {HEADER}",
                hint="Build one with 'rechroma data features'.",
            ) from error
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}: not the description of a feature store: {error}",
                hint="Build the store again in another folder.",
            ) from error


class FeatureStore:
    """Precomputed features, read by memory map.

    Args:
        path: The store's folder.
        allow_partial: Use a store that is still being built, with the chunks finished so far.

    Attributes:
        path: The store's folder.
        encoder: Name of the encoder.
        weights_sha256: SHA-256 of the encoder's weights.
        config: How the views were taken.
        outputs: Shape of each feature by its name, such as (48, 32, 32).

    Raises:
        DataError: There is no store, it is unfinished, or a chunk is damaged.
    """

    def __init__(self, path: Path | str, *, allow_partial: bool = False) -> None:
        self.path = Path(path)
        header = _Header.read(self.path)
        self.encoder, self.weights_sha256 = header.encoder, header.weights_sha256
        self.config, self.outputs, self._dtype = header.config, header.outputs, header.dtype
        chunks = list(header.chunks())
        done = [chunk for chunk in chunks if (self.path / chunk.name).exists()]
        if not done or (len(done) < len(chunks) and not allow_partial):
            raise DataError(
                f"{self.path}: unfinished: {len(done)} of {len(chunks)} chunks exist",
                hint="Run the same 'rechroma data features' command again to finish it.",
            )
        self._names = [chunk.name for chunk in done]
        self._chunks = [_map_chunk(self.path, chunk, header) for chunk in done]
        self._starts = np.array([0, *accumulate(map(len, self._chunks))])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def nbytes(self) -> int:
        """Size of all records on disk."""
        return len(self) * self._dtype.itemsize

    def read(self, indices: Sequence[int]) -> NDArray[np.void]:
        """Copy records, in the order asked for.

        Args:
            indices: Numbers of views, from 0 to below the length of the store.

        Returns:
            (N,) records with the fields of `outputs` (float16), `chroma` (2, S / 8, S / 8)
            float16 a*b*, `lightness` (1, S / 4, S / 4) uint8 of the encoder's input with 255 for
            L* = 100, and `label`, -1 for none.

        Raises:
            IndexError: There is no such view.
        """
        numbers = np.asarray(indices, np.int64)
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise IndexError(f"views are numbered from 0 to {len(self) - 1}")
        records = np.empty(len(numbers), self._dtype)
        parts = np.searchsorted(self._starts, numbers, side="right") - 1
        for place in np.argsort(numbers):  # in the order on disk
            part = int(parts[place])
            records[place] = self._chunks[part][numbers[place] - self._starts[part]]
        return records

    def digest(self) -> str:
        """Hash encoder, configuration and the existing views; equal stores in any folder match."""
        header = _Header.read(self.path)
        return hashlib.sha256("\n".join([header.to_json(), *self._names]).encode()).hexdigest()


def _map_chunk(store: Path, chunk: _Chunk, header: _Header) -> NDArray[np.void]:
    path = store / chunk.name
    count = (chunk.stop - chunk.start) * header.config.views
    try:
        records: NDArray[np.void] = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path) from error
    if records.dtype != header.dtype or records.shape != (count,):
        raise _damaged(path)
    return records


def _damaged(path: Path) -> DataError:
    return DataError(
        f"{path}: this chunk is damaged",
        hint="Delete it and run the same 'rechroma data features' command again.",
    )


def build_features(
    shards: Iterable[Path | str],
    store: Path,
    encoder: Path,
    config: FeatureConfig,
    *,
    name: str,
    weights_sha256: str,
    jobs: int | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> FeatureStore:
    """Compute the features of all images in shards, or those that a store still lacks.

    Shards that the store does not know yet are added to it.

    Args:
        shards: Shards, folders of them, or patterns in the file name.
        store: The store's folder, which is created if missing.
        encoder: ONNX file with one input (1, 1, S, S), lightness in 0..100, and a name for each
            output (1, ...).
        config: Views to take.
        name: Name of the encoder.
        weights_sha256: SHA-256 of the encoder's weights.
        jobs: Processes, each with one thread; by default one for each processor.
        on_image: Called after each image, those already in the store included.

    Raises:
        DataError: No shard, a damaged image, or a store built with another encoder or other views.
        ModelError: The ONNX file is not a feature encoder.
        TargetError: Too little space on the disk, another process is building the store, or it
            cannot be written.
    """
    paths = shard_paths(shards)
    outputs = _Encoder(encoder).output_shapes(config.crop_size)
    known = [_describe_shard(path) for path in paths]
    places = {shard["digest"]: path for shard, path in zip(known, paths, strict=True)}
    with lock_folder(store):
        header = _prepare(store, _Header(name, weights_sha256, config, outputs, tuple(known)))
        missing: list[tuple[Path, _Chunk]] = []
        for chunk in header.chunks():
            path = places.get(header.shards[chunk.shard]["digest"])
            if path is not None and not (store / chunk.name).exists():
                missing.append((path, chunk))
            elif path is not None:
                _advance(on_image, chunk)
        _check_space(store, sum(c.stop - c.start for _, c in missing) * config.views, header)
        _build_chunks(store, encoder, header, missing, jobs or os.cpu_count() or 1, on_image)
    return FeatureStore(store, allow_partial=True)


def _prepare(store: Path, wanted: _Header) -> _Header:
    """Write `features.json`, or extend that of an existing store with further shards."""
    header = wanted
    if (store / HEADER).exists():
        found = _Header.read(store)
        for what in ("encoder", "weights_sha256", "config", "outputs"):
            if getattr(found, what) != getattr(wanted, what):
                raise DataError(
                    f"{store}: was built with {what} {_brief(getattr(found, what))}, "
                    f"not {_brief(getattr(wanted, what))}",
                    hint="Name another folder for the new store (-o), or delete this one.",
                )
        digests = {shard["digest"] for shard in found.shards}
        added = [shard for shard in wanted.shards if shard["digest"] not in digests]
        header = _Header(**(vars(found) | {"shards": (*found.shards, *added)}))
    write_atomically(store / HEADER, header.to_json().encode(), overwrite=True)
    return header


def _brief(value: object) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == hashlib.sha256().digest_size * 2 else text


def _describe_shard(path: Path) -> dict[str, Any]:
    images = Shards([path])
    return {"file": path.name, "images": len(images), "digest": images.digest()}


def _check_space(store: Path, views: int, header: _Header) -> None:
    needed, free = views * header.dtype.itemsize, shutil.disk_usage(store).free
    if needed + _SPARE_BYTES > free:
        raise TargetError(
            f"{store}: the features take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free",
            hint="Use fewer shards or views or a smaller crop size, or free some space.",
        )


def _build_chunks(
    store: Path,
    encoder: Path,
    header: _Header,
    missing: Sequence[tuple[Path, _Chunk]],
    jobs: int,
    on_image: Callable[[], None],
) -> None:
    if not missing:
        return
    work = partial(_build_chunk, store, encoder, header)
    # Spawned, as a forked process could inherit locks of threads of the parent (OpenCV's, say).
    with ProcessPoolExecutor(
        min(jobs, len(missing)), get_context("spawn"), _exit_with_parent
    ) as pool:
        try:
            for (_, chunk), _ in zip(missing, pool.map(work, missing), strict=True):
                _advance(on_image, chunk)
        except BrokenProcessPool as error:
            raise DataError(
                f"{store}: a process that computes features was killed",
                hint="Memory may have run out. Run the same command again, with fewer --jobs.",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _advance(on_image: Callable[[], None], chunk: _Chunk) -> None:
    for _ in range(chunk.start, chunk.stop):
        on_image()


def _exit_with_parent() -> None:
    """End this process when its parent is killed; an idle worker would wait for work forever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _build_chunk(store: Path, encoder: Path, header: _Header, task: tuple[Path, _Chunk]) -> None:
    path, chunk = task
    images, network, config = _open_shard(path), _open_encoder(encoder), header.config
    records = np.empty((chunk.stop - chunk.start, config.views), header.dtype)
    for number in range(chunk.start, chunk.stop):
        rgb, label = images[number], images.label(number)
        for view in range(config.views):
            key = f"{config.seed}/{path.name}/{images.key(number)}/{view}"
            digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
            rng = np.random.default_rng(int.from_bytes(digest[:8]))
            record = records[number - chunk.start, view]
            _fill_record(record, network, _crop_view(rgb, view, config, rng), config, rng)
            record["label"] = label
    flat = records.reshape(-1)
    write_atomically(store / chunk.name, lambda file: np.save(file, flat), overwrite=True)


def _crop_view(
    rgb: NDArray[np.uint8], view: int, config: FeatureConfig, rng: np.random.Generator
) -> NDArray[np.uint8]:
    min_area = config.min_crop_area if view else 1.0
    return random_crop(rgb, config.crop_size, min_area, rng, mirror=False)


def _fill_record(
    record: np.void,
    network: _Encoder,
    rgb: NDArray[np.uint8],
    config: FeatureConfig,
    rng: np.random.Generator,
) -> None:
    degraded = rng.random() < config.degrade_prob
    light = degrade_lightness(rgb, rng) if degraded else lightness(rgb)
    for output, values in network(light).items():
        record[output] = values
    record["chroma"] = downsample_chroma(rgb, CHROMA_SCALE)
    cells = light.shape[0] // LIGHTNESS_SCALE
    small = light.reshape(cells, LIGHTNESS_SCALE, cells, LIGHTNESS_SCALE).mean(axis=(1, 3))
    record["lightness"] = np.clip(np.rint(small * 2.55), 0, 255)


class _Encoder:
    """A frozen encoder in an ONNX file, run on one image at a time in one thread.

    Batches of 8 halve the throughput on processors: the activations no longer fit the cache.
    """

    def __init__(self, path: Path) -> None:
        from rechroma.models.onnx_runtime import ort  # heavy, and reading a store does without

        self._path = path
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes share no public base
            raise self._error(f"cannot be loaded: {str(error).splitlines()[0]}") from error
        inputs = self._session.get_inputs()
        self._outputs = [output.name for output in self._session.get_outputs()]
        if len(inputs) != 1:
            raise self._error(f"has {len(inputs)} inputs instead of one, the lightness")
        if clash := set(self._outputs) & set(_RESERVED):
            raise self._error(f"has an output called {min(clash)!r}, which the store uses itself")
        self._input = inputs[0].name

    def __call__(self, light: Float) -> dict[str, NDArray[np.float16]]:
        """Compute the features of an image.

        Args:
            light: (S, S) L* in 0..100.

        Raises:
            ModelError: The encoder fails, or its features exceed the range of float16.
        """
        try:
            values = self._session.run(None, {self._input: light[None, None]})
        except Exception as error:
            raise self._error(f"fails: {str(error).splitlines()[0]}") from error
        with np.errstate(over="ignore"):
            features = [np.asarray(value[0], np.float16) for value in values]
        if not all(np.isfinite(feature).all() for feature in features):
            raise self._error("gives features beyond the range of float16, or not finite")
        return dict(zip(self._outputs, features, strict=True))

    def output_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        """Shapes of all features of an image of that size."""
        gray = np.full((size, size), 50, np.float32)
        return {name: feature.shape for name, feature in self(gray).items()}

    def _error(self, what: str) -> ModelError:
        return ModelError(
            f"{self._path}: as a feature encoder, this file {what}",
            hint="Name the encoder's weights (--weights), or an ONNX file exported from them.",
        )


@lru_cache(maxsize=2)
def _open_shard(path: Path) -> Shards:
    return Shards([path])


@lru_cache(maxsize=1)
def _open_encoder(path: Path) -> _Encoder:
    return _Encoder(path)
