"""HTTP client of a Rechroma service: `Client`, and `AsyncClient` for asyncio.

>>> from rechroma.client import Client
>>> with Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
...     colored = client.colorize("photo.jpg")

All errors are a :class:`rechroma.RechromaError`: a `ClientError` if a call of the service failed, a
`SourceError` or an `OptionError` if the arguments cannot be sent.
"""

from __future__ import annotations

from importlib.util import find_spec

from rechroma.errors import MissingExtraError, install_hint

if find_spec("httpx") is None:
    raise MissingExtraError(
        "the client needs httpx, which is not installed", hint=install_hint("client")
    )

from rechroma.client.clients import AsyncClient, Client
from rechroma.client.responses import ColorizedFile, ImageStatus, Job, Model
from rechroma.client.sans_io import ColorizeParams

__all__ = [
    "AsyncClient",
    "Client",
    "ColorizeParams",
    "ColorizedFile",
    "ImageStatus",
    "Job",
    "Model",
]
