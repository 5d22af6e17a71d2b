"""Resumable downloads of model files, for addresses that the user or the index names.

Unlike :mod:`rechroma.safe_http`, which fetches URLs of strangers, it uses the proxies of the
environment (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`) and connects to private addresses.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from filelock import FileLock, Timeout

from rechroma._version import __version__
from rechroma.errors import FetchError, ModelIntegrityError, OptionError, TargetError
from rechroma.fs import translate_os_errors, write_atomically
from rechroma.safe_http import split_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ATTEMPTS = 4
_MAX_NAME = 60  # characters of a file name, up to four bytes each
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18
_TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504}
_RANGE_NOT_SATISFIABLE = 416
_IN_URLS = "%/:=&?~#+!$,;'@()*[]"
_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|\?xml)", re.IGNORECASE)
_HUB = "https://huggingface.co"
_HUB_ADDRESS = re.compile(r"hf://([\w.-]+)/([\w.-]+?)(?:@([^/@]+))?/([^/@][^@]*)")


class _BrokenTransferError(FetchError):
    """A failure that another attempt can cure."""


def resolve_address(address: str) -> tuple[str, dict[str, str]]:
    """Resolve an address to a URL and the headers that only its own host receives.

    `hf://OWNER/NAME/FILE` and `hf://OWNER/NAME@REVISION/FILE` are files of the Hugging Face Hub. As
    for its own tools, `HF_ENDPOINT` names another hub, and `HF_TOKEN` grants access.

    Raises:
        OptionError: It is no address of a file.
    """
    headers = {}
    if address.startswith("hf://"):
        parts = _HUB_ADDRESS.fullmatch(address)
        if parts is None:
            raise OptionError(
                f"{address!r} is not an address of the Hugging Face Hub",
                hint="Write hf://OWNER/NAME/FILE or hf://OWNER/NAME@REVISION/FILE.",
            )
        owner, name, revision, file = parts.groups()
        hub = os.environ.get("HF_ENDPOINT") or _HUB
        address = f"{hub.rstrip('/')}/{owner}/{name}/resolve/{revision or 'main'}/{file}"
        if token := os.environ.get("HF_TOKEN"):
            headers["Authorization"] = f"Bearer {token}"
    hint = "Give an https:// or hf:// address."
    try:
        split_url(address)
        return quote(address, safe=_IN_URLS), headers
    except FetchError as error:
        raise OptionError(f"{address!r:.200}: {error.message}", hint=hint) from error
    except UnicodeEncodeError as error:  # bytes of the command line
        raise OptionError(f"{address!r:.200}: is not UTF-8", hint=hint) from error


@contextmanager
def download(
    address: str,
    folder: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    on_progress: Callable[[int, int | None], object] = lambda _done, _total: None,
    backoff: float = 1.0,
) -> Iterator[tuple[Path, str]]:
    """Download a file, check it, and delete it after the block.

    What a failed connection or Ctrl-C leaves stays in `folder`, and the next call continues from it
    if the server still has the same file. Any other outcome deletes it.

    Args:
        address: Address of the file, as for :func:`resolve_address`.
        folder: Folder of unfinished downloads.
        sha256: Expected SHA-256 in hexadecimal; None if it is unknown.
        size: Expected size in bytes; None if it is unknown.
        on_progress: Called with the bytes so far, and those of the whole file or None.
        backoff: Seconds before the second attempt, doubled for each further one.

    Yields:
        The file, under its published name, and its SHA-256.

    Raises:
        OptionError: The address is invalid.
        FetchError: The file cannot be downloaded.
        ModelIntegrityError: It is not the expected one.
        TargetError: The file system refuses, or another process downloads the same file.
    """
    url, headers = resolve_address(address)
    work = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
    published_name = Path(unquote(urlsplit(url).path)).name.replace("\0", "")
    # The end, with the suffix, within the 255 bytes of file systems.
    published_name = published_name[-_MAX_NAME:].lstrip(".") or "download"
    with _lock(work, address):
        is_kept = False
        try:
            # In a folder of its own: the name could be that of the unfinished file.
            path = work / "complete" / published_name
            if not path.is_file():
                _fetch(url, headers, work, on_progress, backoff)
                with translate_os_errors(path):
                    path.parent.mkdir(exist_ok=True)
                    (work / "part").replace(path)
            yield path, _check(path, address, sha256, size)
        except BaseException as error:
            is_kept = isinstance(error, FetchError) or not isinstance(error, Exception)
            raise
        finally:
            if not is_kept:
                shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _lock(work: Path, address: str) -> Iterator[None]:
    """Create a folder, locked against other processes; at the end remove what is empty."""
    lock = FileLock(work.with_suffix(".lock"), timeout=0)
    with translate_os_errors(work):
        work.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:  # an OSError, too
            raise TargetError(
                f"{address} is being downloaded by another process",
                hint="Wait until it has finished.",
            ) from error
        work.mkdir(exist_ok=True)  # the process that had the lock may have removed it
    try:
        yield
    finally:
        # All while it is locked: afterwards the folder would be another process's. One that has
        # opened the file by now cannot lock it any more: FileLock rejects a deleted file.
        with suppress(OSError):
            work.rmdir()
        with suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
        with suppress(OSError):
            work.parent.rmdir()
        lock.release()


def _fetch(
    url: str,
    headers: dict[str, str],
    work: Path,
    on_progress: Callable[[int, int | None], object],
    backoff: float,
) -> None:
    """Transfer a file to `work/part`, with retries."""
    opener = build_opener(_SafeRedirects)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _transfer(opener, url, headers, work, on_progress)
            return
        except _BrokenTransferError as error:
            if attempt == _ATTEMPTS:
                raise FetchError(
                    f"{url}: {error.message}",
                    hint="Run the same command again: it continues where this one stopped.",
                ) from error
            time.sleep(backoff * 2 ** (attempt - 1))


def _transfer(
    opener: OpenerDirector,
    url: str,
    headers: dict[str, str],
    work: Path,
    on_progress: Callable[[int, int | None], object],
) -> None:
    """Append the rest of a file to `work/part`, or start again if the file has changed."""
    part, state = work / "part", work / "state.json"
    with translate_os_errors(part):
        done = part.stat().st_size if part.is_file() else 0
        validator = json.loads(state.read_text("utf-8")) if done and state.is_file() else ""
    request = Request(url, headers={"User-Agent": f"Rechroma/{__version__}"})
    request.add_header("Accept-Encoding", "identity")
    for name, value in headers.items():
        request.add_unredirected_header(name, value)
    if validator:
        request.add_header("Range", f"bytes={done}-")
        request.add_header("If-Range", validator)
    with _open(opener, request, part) as response:
        is_rest = response.status == 206 and _start_of(response) == done
        done = done if is_rest else 0
        left = response.headers.get("Content-Length", "")
        total = done + int(left) if left.isdigit() else None
        if not is_rest:
            write_atomically(state, json.dumps(_validator_of(response)).encode(), overwrite=True)
        with translate_os_errors(part), part.open("ab" if is_rest else "wb") as file:
            while chunk := _read(response, done, total):
                file.write(chunk)
                done += len(chunk)
                on_progress(done, total)
    if total is not None and done < total:
        raise _BrokenTransferError(_broken_off(done, total))


def _open(opener: OpenerDirector, request: Request, part: Path) -> Any:  # noqa: ANN401
    """Send a request and translate the errors."""
    try:
        return opener.open(request, timeout=_TIMEOUT)
    except HTTPError as error:
        with error:
            if error.code == _RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)  # the file has changed
            if error.code in {*_TRANSIENT_STATUSES, _RANGE_NOT_SATISFIABLE}:
                raise _BrokenTransferError(f"HTTP status {error.code}") from error
            needs_login = error.code in (401, 403)
            hint = "It needs a login: HF_TOKEN is sent to hf:// addresses."
            raise FetchError(
                f"{request.full_url}: HTTP status {error.code}",
                hint=hint if needs_login else "Open the address in a browser: it may have moved.",
            ) from error
    except URLError as error:  # no connection: another attempt at once is of no use
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise FetchError(
            f"{request.full_url}: no connection: {reason}",
            hint="Check the network, and HTTP_PROXY and HTTPS_PROXY if there is a proxy.",
        ) from error
    except UnicodeError as error:  # of the IDNA codec
        raise FetchError(
            f"{request.full_url:.200}: the name of the host is not valid", hint="Check the address."
        ) from error
    except (OSError, HTTPException) as error:
        raise _BrokenTransferError(f"the connection broke: {error or type(error)}") from error


def _read(response: Any, done: int, total: int | None) -> bytes:  # noqa: ANN401
    try:
        return bytes(response.read(_CHUNK))
    except (OSError, HTTPException) as error:
        raise _BrokenTransferError(_broken_off(done, total)) from error


def _broken_off(done: int, total: int | None) -> str:
    whole = "" if total is None else f" of {total / 1e6:.1f}"
    return f"the connection broke after {done / 1e6:.1f}{whole} MB"


def _start_of(response: Any) -> int | None:  # noqa: ANN401
    """Return the first byte of a partial response."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _validator_of(response: Any) -> str:  # noqa: ANN401
    """Return what proves that a file is unchanged: a strong ETag, or else its date."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _check(path: Path, address: str, sha256: str | None, size: int | None) -> str:
    """Return the SHA-256 of a downloaded file after comparing it with the expected one."""
    with translate_os_errors(path), path.open("rb") as file:
        head, found_size = file.read(64), os.fstat(file.fileno()).st_size
        file.seek(0)
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if _PAGE.match(head) and found != sha256:
        raise ModelIntegrityError(
            f"{address}: the server sent a web page instead of the file",
            hint="Open the address in a browser: it may have moved, or need a login.",
        )
    again = "Nothing was kept. Download it again; if that fails too, do not use the file."
    if size is not None and found_size != size:
        raise ModelIntegrityError(
            f"{address}: the file has {found_size} bytes instead of {size}", hint=again
        )
    if sha256 is not None and found != sha256:
        raise ModelIntegrityError(
            f"{address}: its SHA-256 is {found}, but {sha256} was expected", hint=again
        )
    return found


class _SafeRedirects(HTTPRedirectHandler):
    """Redirects to HTTP and HTTPS only, and never from HTTPS to HTTP."""

    def redirect_request(self, req: Request, *arguments: Any) -> Request | None:  # noqa: ANN401
        target = str(arguments[-1])
        if not target.startswith(("https://",) if req.type == "https" else ("http://", "https://")):
            raise FetchError(f"{req.full_url}: redirected to {target:.100}, which is not safe")
        return super().redirect_request(req, *arguments)
