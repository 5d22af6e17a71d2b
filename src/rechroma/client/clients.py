"""The blocking and the asyncio client: httpx sends what :mod:`rechroma.client.sans_io` yields."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from rechroma._version import __version__
from rechroma.client import sans_io
from rechroma.client.responses import Response
from rechroma.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from typing import Unpack

    from rechroma.client.responses import ColorizedFile, Job, Model
    from rechroma.client.sans_io import ColorizeParams, Flow, Reply, Request, Source

_TIMEOUT = 60.0  # seconds
_T = TypeVar("_T")


class Client:
    """Blocking, thread-safe client of a Rechroma service; close it, or use `with`.

    Every method raises `ApiError` if the service responds with an error, and
    `ConnectionFailedError` if it does not respond.

    Args:
        url: URL of the service, such as `http://127.0.0.1:8000`.
        key: API key, if the service requires one.
        timeout: Seconds to wait for data from the service.
        retry_for: Seconds to spend, in all, on retries while the service is busy (429, 503).
        transport: Replaces httpx's own transport.

    Raises:
        OptionError: The URL or the key is invalid.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = _TIMEOUT,
        retry_for: float = _TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._retry_for = retry_for
        self._http = httpx.Client(**_http_options(url, key), timeout=timeout, transport=transport)

    def colorize(self, image: Source, **params: Unpack[ColorizeParams]) -> bytes:
        """Colorize an image in one request.

        Args:
            image: Path of a file, content of one, or a file opened in binary mode.
            **params: Options, as docs/service.md describes them; `format` is that of the result.

        Returns:
            The content of an image file.

        Raises:
            SourceError: The file cannot be read.
            OptionError: `image` is none of these.
        """
        return self._run(sans_io.colorize(image, params, self._retry_for))

    def submit(
        self,
        images: Source | Iterable[Source],
        *,
        idempotency_key: str | None = None,
        **params: Unpack[ColorizeParams],
    ) -> Job:
        """Submit a job.

        Args:
            images: One image or several, each as for :meth:`colorize`.
            idempotency_key: Makes the same request, sent again later, return the same job. The
                retries within this call never submit twice, with or without it.
            **params: As for :meth:`colorize`.

        Raises:
            SourceError: A file cannot be read.
            OptionError: There is no image, one is of the wrong type, or the key is invalid.
        """
        return self._run(sans_io.submit(images, params, idempotency_key, self._retry_for))

    def get_job(self, job: Job | str) -> Job:
        """Get the current state of a job, given the job or its id."""
        return self._run(sans_io.get_job(job, self._retry_for))

    def wait(self, job: Job | str, timeout: float | None = None) -> Job:
        """Wait until a job is finished.

        Args:
            job: The job, or its id.
            timeout: Seconds to wait; None waits without limit.

        Raises:
            JobTimeoutError: The job is not finished after that time.
        """
        return self._run(sans_io.wait(job, timeout, self._retry_for))

    def jobs(self) -> Iterator[Job]:
        """Yield the jobs of the API key, the newest first."""
        path: str | None = None
        while True:
            page, path = self._run(sans_io.list_jobs(path, self._retry_for))
            yield from page
            if path is None:
                return

    def result(self, job: Job | str, name: str) -> bytes:
        """Download the result of one image that is done.

        Args:
            job: The job, or its id.
            name: Name of the result, as :attr:`ImageStatus.result` has it.
        """
        return self._run(sans_io.get_result(job, name, self._retry_for))

    def results(self, job: Job | str) -> Iterator[ColorizedFile]:
        """Yield the results of a finished job, one in memory at a time."""
        yield from self._run(sans_io.get_results(job, self._retry_for)).results()

    def delete(self, job: Job | str) -> None:
        """Delete a job with its images and results. Deleting it twice is not an error."""
        self._run(sans_io.delete(job, self._retry_for))

    def models(self) -> list[Model]:
        """List the models of the service."""
        return self._run(sans_io.models(self._retry_for))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, flow: Flow[_T]) -> _T:
        reply: Any = None
        try:
            while True:
                request = flow.send(reply)
                time.sleep(request.delay)
                reply = self._send(request)
        except StopIteration as end:
            result: _T = end.value
            return result

    def _send(self, request: Request) -> Reply:
        reply = Response()
        try:
            with self._http.stream(request.method, request.path, **request.options) as response:
                reply.begin(response)
                for chunk in response.iter_bytes():
                    reply.body.write(chunk)
        except httpx.RequestError as error:
            reply.body.close()
            return error
        return reply


class AsyncClient:
    """:class:`Client` for asyncio: use `async with` and `await`; close it with `aclose`."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = _TIMEOUT,
        retry_for: float = _TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retry_for = retry_for
        self._http = httpx.AsyncClient(
            **_http_options(url, key), timeout=timeout, transport=transport
        )

    async def colorize(self, image: Source, **params: Unpack[ColorizeParams]) -> bytes:
        """Colorize an image in one request; see :meth:`Client.colorize`."""
        return await self._run(sans_io.colorize(image, params, self._retry_for))

    async def submit(
        self,
        images: Source | Iterable[Source],
        *,
        idempotency_key: str | None = None,
        **params: Unpack[ColorizeParams],
    ) -> Job:
        """Submit a job; see :meth:`Client.submit`."""
        return await self._run(sans_io.submit(images, params, idempotency_key, self._retry_for))

    async def get_job(self, job: Job | str) -> Job:
        """Get the current state of a job; see :meth:`Client.get_job`."""
        return await self._run(sans_io.get_job(job, self._retry_for))

    async def wait(self, job: Job | str, timeout: float | None = None) -> Job:
        """Wait until a job is finished; see :meth:`Client.wait`."""
        return await self._run(sans_io.wait(job, timeout, self._retry_for))

    async def jobs(self) -> AsyncIterator[Job]:
        """Yield the jobs of the API key; see :meth:`Client.jobs`."""
        path: str | None = None
        while True:
            page, path = await self._run(sans_io.list_jobs(path, self._retry_for))
            for job in page:
                yield job
            if path is None:
                return

    async def result(self, job: Job | str, name: str) -> bytes:
        """Download the result of one image; see :meth:`Client.result`."""
        return await self._run(sans_io.get_result(job, name, self._retry_for))

    async def results(self, job: Job | str) -> AsyncIterator[ColorizedFile]:
        """Yield the results of a finished job; see :meth:`Client.results`."""
        response = await self._run(sans_io.get_results(job, self._retry_for))
        for result in response.results():
            yield result

    async def delete(self, job: Job | str) -> None:
        """Delete a job; see :meth:`Client.delete`."""
        await self._run(sans_io.delete(job, self._retry_for))

    async def models(self) -> list[Model]:
        """List the models of the service; see :meth:`Client.models`."""
        return await self._run(sans_io.models(self._retry_for))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _run(self, flow: Flow[_T]) -> _T:
        reply: Any = None
        try:
            while True:
                request = flow.send(reply)
                await asyncio.sleep(request.delay)
                reply = await self._send(request)
        except StopIteration as end:
            result: _T = end.value
            return result

    async def _send(self, request: Request) -> Reply:
        reply = Response()
        try:
            async with self._http.stream(
                request.method, request.path, **request.options
            ) as response:
                reply.begin(response)
                async for chunk in response.aiter_bytes():
                    reply.body.write(chunk)
        except httpx.RequestError as error:
            reply.body.close()
            return error
        return reply


def _http_options(url: str, key: str | None) -> dict[str, Any]:
    """Make the arguments that both clients of httpx take.

    Raises:
        OptionError: The URL or the key is invalid.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise OptionError(
            f"{url!r:.80} is not the URL of a service", hint="Write it as http://HOST:PORT."
        )
    headers = {"User-Agent": f"rechroma/{__version__}"}
    if key:
        headers["Authorization"] = f"Bearer {sans_io.check_key(key)}"
    return {"base_url": address, "headers": headers}
