"""The two clients; what they say to a service stands in :mod:`rechroma.client.flows`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from rechroma._version import __version__
from rechroma.client import flows
from rechroma.client.responses import Answer
from rechroma.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from typing import Unpack

    from rechroma.client.flows import Ask, ColorizeParams, Flow, Reply, Source
    from rechroma.client.responses import Job, Model, Result

_SECONDS = 60.0
_T = TypeVar("_T")


class Client:
    """Asks a Rechroma service. It may be used by several threads; close it, or use `with`.

    Every method raises `ApiError` where the service says no, and `ConnectionFailedError` where it
    does not answer.

    Args:
        url: Where the service is, such as `http://127.0.0.1:8000`.
        key: An API key, where the service wants one.
        timeout: Seconds that it may stay silent.
        patience: Seconds to wait, in all, while it says that it is busy.
        transport: Sends the requests, in place of httpx's own.

    Raises:
        OptionError: The address or the key is none.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = _SECONDS,
        patience: float = _SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._patience = patience
        self._http = httpx.Client(**_head(url, key), timeout=timeout, transport=transport)

    def colorize(self, picture: Source, **knobs: Unpack[ColorizeParams]) -> bytes:
        """Have a picture colored at once.

        Args:
            picture: The path of its file, its content, or an open file.
            **knobs: As docs/service.md has them; `format` is that of the result.

        Returns:
            The content of a picture file.

        Raises:
            SourceError: The file cannot be read.
            OptionError: It is none of these.
        """
        return self._run(flows.colorize(picture, knobs, self._patience))

    def submit(
        self,
        pictures: Source | Iterable[Source],
        *,
        idempotency_key: str | None = None,
        **knobs: Unpack[ColorizeParams],
    ) -> Job:
        """Hand in a job.

        Args:
            pictures: As for :meth:`colorize`; one alone is a job of one.
            idempotency_key: Makes the same request, sent again later, the same job. Within this
                call nothing is done twice, with or without.
            **knobs: As for :meth:`colorize`.

        Raises:
            SourceError: A file cannot be read.
            OptionError: There is no picture, what is given is none, or the key has characters that
                no key has.
        """
        return self._run(flows.submit(pictures, knobs, idempotency_key, self._patience))

    def find(self, job: Job | str) -> Job:
        """The job as it is now; `job` may be its id."""
        return self._run(flows.find(job, self._patience))

    def wait(self, job: Job | str, timeout: float | None = None) -> Job:
        """Wait until a job has ended.

        Args:
            job: The job, or its id.
            timeout: Seconds to wait; None for as long as it takes.

        Raises:
            JobTimeoutError: It has not ended in that time.
        """
        return self._run(flows.wait(job, timeout, self._patience))

    def results(self, job: Job | str) -> Iterator[Result]:
        """The pictures of a job that has ended, one in memory at a time."""
        yield from self._run(flows.fetch(job, self._patience)).results()

    def delete(self, job: Job | str) -> None:
        """Have a job forgotten, with its pictures and results; it is well if that came before."""
        self._run(flows.delete(job, self._patience))

    def models(self) -> list[Model]:
        """The models that may be asked for."""
        return self._run(flows.models(self._patience))

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, talk: Flow[_T]) -> _T:
        reply: Any = None
        try:
            while True:
                ask = talk.send(reply)
                time.sleep(ask.pause)
                reply = self._reply(ask)
        except StopIteration as end:
            result: _T = end.value
            return result

    def _reply(self, ask: Ask) -> Reply:
        answer = Answer()
        try:
            with self._http.stream(ask.method, ask.path, **ask.options) as response:
                answer.begin(response)
                for chunk in response.iter_bytes():
                    answer.body.write(chunk)
        except httpx.RequestError as error:
            answer.body.close()
            return error
        return answer


class AsyncClient:
    """:class:`Client` for asyncio: use `async with` and `await`; close it with `aclose`."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = _SECONDS,
        patience: float = _SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._patience = patience
        self._http = httpx.AsyncClient(**_head(url, key), timeout=timeout, transport=transport)

    async def colorize(self, picture: Source, **knobs: Unpack[ColorizeParams]) -> bytes:
        """See :meth:`Client.colorize`."""
        return await self._run(flows.colorize(picture, knobs, self._patience))

    async def submit(
        self,
        pictures: Source | Iterable[Source],
        *,
        idempotency_key: str | None = None,
        **knobs: Unpack[ColorizeParams],
    ) -> Job:
        """See :meth:`Client.submit`."""
        return await self._run(flows.submit(pictures, knobs, idempotency_key, self._patience))

    async def find(self, job: Job | str) -> Job:
        """See :meth:`Client.find`."""
        return await self._run(flows.find(job, self._patience))

    async def wait(self, job: Job | str, timeout: float | None = None) -> Job:
        """See :meth:`Client.wait`."""
        return await self._run(flows.wait(job, timeout, self._patience))

    async def results(self, job: Job | str) -> AsyncIterator[Result]:
        """See :meth:`Client.results`."""
        for result in (await self._run(flows.fetch(job, self._patience))).results():
            yield result

    async def delete(self, job: Job | str) -> None:
        """See :meth:`Client.delete`."""
        await self._run(flows.delete(job, self._patience))

    async def models(self) -> list[Model]:
        """See :meth:`Client.models`."""
        return await self._run(flows.models(self._patience))

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _run(self, talk: Flow[_T]) -> _T:
        reply: Any = None
        try:
            while True:
                ask = talk.send(reply)
                await asyncio.sleep(ask.pause)
                reply = await self._reply(ask)
        except StopIteration as end:
            result: _T = end.value
            return result

    async def _reply(self, ask: Ask) -> Reply:
        answer = Answer()
        try:
            async with self._http.stream(ask.method, ask.path, **ask.options) as response:
                answer.begin(response)
                async for chunk in response.aiter_bytes():
                    answer.body.write(chunk)
        except httpx.RequestError as error:
            answer.body.close()
            return error
        return answer


def _head(url: str, key: str | None) -> dict[str, Any]:
    """What both kinds of httpx's clients are told.

    Raises:
        OptionError: The address or the key is none.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise OptionError(
            f"{url!r:.80} is no address of a service", hint="Such as http://HOST:PORT."
        )
    headers = {"User-Agent": f"rechroma/{__version__}"}
    if key:
        headers["Authorization"] = f"Bearer {flows.checked_key(key)}"
    return {"base_url": address, "headers": headers}
