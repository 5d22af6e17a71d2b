"""TLS before a server that speaks none, as a provider of one would have it.

A process of its own, `python -m tests.support.tls PORT CERTIFICATE`, says its port and passes on.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.service import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65_536


def write_certificate(path: Path) -> None:
    """Write a new key and certificate for 127.0.0.1; needs openssl."""
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    here = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path)]
    made = subprocess.run([*new, *here], check=True, capture_output=True, timeout=PATIENCE)
    path.write_bytes(path.read_bytes() + made.stdout)


@contextmanager
def tls_before(port: int, certificate: Path) -> Iterator[int]:
    """A TLS proxy on a port of 127.0.0.1."""
    command = [sys.executable, "-m", "tests.support.tls", str(port), str(certificate)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdout
        try:
            yield int(relay.stdout.readline())
        finally:
            relay.kill()


async def _serve(port: int, certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
    target.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
