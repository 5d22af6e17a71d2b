"""Robustness against damaged files: color mutated files of every format that is read.

    python benchmarks/fuzz_formats.py [--count 10000] [--seed 0] [--keep FOLDER] [--model NAME]

Each file is a small image of one format, mutated: with other bytes, cut, spliced with another, with
other numbers in its header, or with a part repeated, zeroed or removed. `Colorizer.colorize_file`
gets it in a process with a memory limit. A finding is a crash, another exception than an
`InputError` or an `OptionError`, a result that does not open, a file left behind, a line on stderr
or a warning of a library, or an image that takes longer than a minute. The same seed gives the same
files; `--keep` stores those with findings.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image, ImageCms, PngImagePlugin, features

from rechroma.colorizer import Colorizer
from rechroma.errors import InputError, MissingExtraError, OptionError, RechromaError
from rechroma.imaging.codecs.formats import enable_heif

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MEMORY_LIMIT = 2 << 30
"""Bytes that a process can add to those it has when the model is loaded."""
MAX_PIXELS = 2_000_000
_TIMEOUT = 60  # seconds
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_HEADER = 160  # bytes


@dataclass
class Summary:
    """The results of a run.

    Attributes:
        counts: Number of files by what came out: `colored`, or the class of the error.
        findings: Number, kind of image, and what went wrong.
        peak_mb: The largest memory of a process, in MB.
    """

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str, str]] = field(default_factory=list)
    peak_mb: int = 0


def fuzz(
    count: int, seed: int = 0, *, workers: int = 2, model: str = "default", keep: Path | None = None
) -> Summary:
    """Color `count` mutated files in `workers` processes."""
    summary = Summary()
    shares = [range(first, count, workers) for first in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        for results in pool.map(lambda share: [*_results([*share], seed, model, keep)], shares):
            for number, kind, result, findings, peak in results:
                summary.counts[result] += 1
                summary.findings += [(number, kind, finding) for finding in findings]
                summary.peak_mb = max(summary.peak_mb, peak)
    summary.findings.sort()
    return summary


def _results(
    numbers: list[int], seed: int, model: str, keep: Path | None
) -> Iterator[tuple[int, str, str, list[str], int]]:
    """Color the files of some numbers in a process, which is started again if it dies."""
    command = [sys.executable, __file__, "--worker", str(seed), model, str(keep or "")]
    while numbers:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(" ".join(map(str, numbers)).encode())
            process.stdin.close()
            if not process.stdout.readline():
                raise RuntimeError("the process does not start")
            for line in process.stdout:
                yield (*json.loads(line),)
                numbers.pop(0)
        if numbers:
            yield numbers.pop(0), "?", "crash", [f"the process ended with {process.returncode}"], 0


def work(numbers: list[int], seed: int, model: str, keep: Path | None) -> None:
    """Color files, and write a line of JSON about each to stdout."""
    report = os.fdopen(os.dup(1), "w")
    samples = sorted(make_samples().items())
    colorizer = Colorizer(model, provider="cpu", threads=1)
    with suppress(RechromaError):
        colorizer.colorize(samples[0][1], size=64)  # the memory that any image takes
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_LIMIT
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    warnings.simplefilter("always")
    print("ready", file=report, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "said")
        descriptor = os.open(said, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        for number in numbers:
            kind, data = mutated_file(samples, np.random.default_rng((seed, number)))
            result, findings = _color(colorizer, kind, data, Path(folder, "photo"))
            if lines := said.read_text("utf-8", "replace").strip():
                findings.append(f"it says: {lines[:300]}")
                os.truncate(said, 0)
            if findings and keep:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{number}-{kind}").write_bytes(data)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            report.write(json.dumps([number, kind, result, findings, peak]) + "\n")
            report.flush()


def _color(colorizer: Colorizer, kind: str, data: bytes, folder: Path) -> tuple[str, list[str]]:
    folder.mkdir(exist_ok=True)
    source = folder / kind
    source.write_bytes(data)
    start = perf_counter()
    findings = []
    try:
        target = colorizer.colorize_file(source, size=64, max_pixels=MAX_PIXELS).target
        result = "colored"
        with Image.open(target) as image:
            image.load()
        target.unlink()
    except (InputError, OptionError) as error:
        result = type(error).__name__
        if "\n" in error.message or not error.hint:
            findings.append(f"no hint, or several lines: {error.message}")
    except Exception as error:
        result = type(error).__name__
        findings.append(f"{result}: {error}")
    seconds = perf_counter() - start
    if seconds > _TIMEOUT:
        findings.append(f"took {seconds:.0f} s")
    if source.read_bytes() != data:
        findings.append("the source was changed")
    source.unlink()
    for rest in folder.iterdir():
        findings.append(f"left behind: {rest.name}")
        rest.unlink()
    return result, findings


def mutated_file(
    samples: list[tuple[str, bytes]], random: np.random.Generator
) -> tuple[str, bytes]:
    """Choose a sample and mutate it once or twice; returns its name and the content."""
    name, data = samples[random.integers(len(samples))]
    for _ in range(random.integers(1, 3)):
        data = _mutate(data, samples[random.integers(len(samples))][1], random)
    return name, data


def _mutate(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    mutable = bytearray(data)
    at, end = sorted(int(each) for each in random.integers(0, len(data) + 1, 2))
    match random.integers(7):
        case 0:
            for place in random.integers(0, len(data) + 1, random.integers(1, 20)):
                mutable[place : place + 1] = bytes([random.integers(256)])
        case 1:
            del mutable[at:]
        case 2:
            mutable[at:] = other[random.integers(len(other)) :]
        case 3:
            mutable[at:at] = mutable[at : min(end, at + 4096)]
        case 4:
            mutable[at:end] = bytes(end - at)
        case 5:
            del mutable[at : at + int(random.integers(1, 64))]
        case _:  # a number, such as a length or a size; half of them in the header
            place = random.integers(0, _HEADER if random.integers(2) else len(data) + 1)
            size = int(random.choice([1, 2, 4]))
            number = int(random.choice(_NUMBERS)) & (1 << 8 * size) - 1
            code = number.to_bytes(size)
            mutable[place : place + size] = code if random.integers(2) else code[::-1]
    return bytes(mutable)


def make_samples() -> dict[str, bytes]:
    """Make a small image of each format and kind, by file name."""
    gray = _ramp(np.uint8)
    plain = Image.fromarray(gray)
    rgb = Image.fromarray(np.dstack([gray, gray[::-1], gray[:, ::-1]]))
    rgba = rgb.copy()
    rgba.putalpha(plain)
    deep = Image.fromarray(_ramp(np.uint16))
    rich = _metadata()
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "Straße", zip=True)
    more: dict[str, Any] = {"save_all": True, "append_images": [plain.rotate(90), plain]}
    samples = {
        "gray.jpg": _saved(plain, "JPEG", **rich),
        "color.jpg": _saved(rgb, "JPEG", **rich, progressive=True, comment=b"a"),
        "cmyk.jpg": _saved(rgb.convert("CMYK"), "JPEG", restart_marker_blocks=1),
        "gray.png": _saved(plain, "PNG", **rich, pnginfo=text),
        "rgba.png": _saved(rgba, "PNG", **rich),
        "deep.png": _saved(deep, "PNG", dpi=(300, 300)),
        "palette.png": _saved(rgb.quantize(8), "PNG", transparency=1),
        "frames.png": _saved(plain, "PNG", **more),
        "bits.gif": _saved(plain.convert("1"), "GIF", comment=b"a"),
        "frames.gif": _saved(plain, "GIF", **more),
        "gray.bmp": _saved(plain, "BMP"),
        "color.bmp": _saved(rgb, "BMP"),
        "lossless.webp": _saved(rgba, "WEBP", **rich, lossless=True),
        "lossy.webp": _saved(rgb, "WEBP", **rich),
        "frames.webp": _saved(plain.convert("RGB"), "WEBP", **more),
        "gray.jp2": _saved(plain, "JPEG2000"),
        "deep.jp2": _saved(deep, "JPEG2000"),
        "color.j2k": _saved(rgb, "JPEG2000", no_jp2=True),
    }
    for kind in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "jpeg"):
        samples[f"{kind}.tif"] = _saved(rgb, "TIFF", dpi=(300, 300), compression=kind)
    samples |= {
        "fax.tif": _saved(plain.convert("1"), "TIFF", compression="group4"),
        "deep.tif": _saved(deep, "TIFF", compression="tiff_lzw"),
        "rgba.tif": _saved(rgba, "TIFF", compression="tiff_adobe_deflate"),
        "pages.tif": _saved(plain, "TIFF", **more),
        "lab.tif": _saved(_lab(rgb), "TIFF"),
        "big.tif": _saved(plain, "TIFF", big_tiff=True),
    }
    colors = np.dstack([_ramp(np.uint16)] * 3)
    samples |= {f"colors.{name}": _encoded(f".{name}", colors) for name in ("png", "tif", "jp2")}
    if features.check("avif"):
        samples |= {"color.avif": _saved(rgb, "AVIF", **rich), "rgba.avif": _saved(rgba, "AVIF")}
    with suppress(MissingExtraError):
        enable_heif()
        samples["color.heic"] = _saved(rgb, "HEIF", **rich)
    return samples


def _ramp(dtype: type) -> NDArray[Any]:
    """Make a gray image with some texture, (32, 48)."""
    y, x = np.mgrid[:32, :48]
    light = (x / 47 + np.sin(x * y / 9) / 8).clip(0, 1)
    ramp: NDArray[Any] = (light * np.iinfo(dtype).max).astype(dtype)
    return ramp


def _lab(rgb: Image.Image) -> Image.Image:
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    converted = ImageCms.applyTransform(rgb, to_lab)
    assert converted is not None
    return converted


def _metadata() -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a view"
    exif.get_ifd(0x8769)[0x9003] = "1923:01:01 00:00:00"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"exif": exif.tobytes(), "icc_profile": profile, "dpi": (300, 300)}


def _saved(image: Image.Image, file_format: str, **options: Any) -> bytes:  # noqa: ANN401
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def _encoded(suffix: str, pixels: NDArray[Any]) -> bytes:
    written, data = cv2.imencode(suffix, pixels)
    assert written
    return data.tobytes()


def main() -> None:
    """Fuzz, and print what came out."""
    if sys.argv[1:2] == ["--worker"]:
        seed, model, keep = sys.argv[2:]
        numbers = [int(number) for number in sys.stdin.read().split()]
        work(numbers, int(seed), model, Path(keep) if keep else None)
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", default="default")
    parser.add_argument("--keep", type=Path, help="folder for the files with findings")
    given = parser.parse_args()
    start = perf_counter()
    summary = fuzz(
        given.count, given.seed, workers=given.workers, model=given.model, keep=given.keep
    )
    for number, kind, finding in summary.findings:
        print(f"{number} {kind}: {finding}")
    counts = ", ".join(f"{name} {count}" for name, count in summary.counts.most_common())
    print(f"{given.count} files in {perf_counter() - start:.0f} s, at most {summary.peak_mb} MB")
    print(f"{counts}; {len(summary.findings)} findings")
    sys.exit(bool(summary.findings))


if __name__ == "__main__":
    main()
