"""Asks a Rechroma service for pictures in color: `Client`, and `AsyncClient` for asyncio.

>>> from rechroma.client import Client
>>> with Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
...     colored = client.colorize("photo.jpg")

Whatever goes wrong is a :class:`rechroma.RechromaError`: a `ClientError` where the service was
asked, a `SourceError` or an `OptionError` where what was given cannot be sent.
"""

from __future__ import annotations

from importlib.util import find_spec

from rechroma.errors import MissingExtraError, install_hint

if find_spec("httpx") is None:
    raise MissingExtraError(
        "the client needs httpx, which is not installed", hint=install_hint("client")
    )

from rechroma.client.clients import AsyncClient, Client
from rechroma.client.flows import ColorizeParams
from rechroma.client.responses import Job, Model, Picture, Result

__all__ = ["AsyncClient", "Client", "ColorizeParams", "Job", "Model", "Picture", "Result"]
