"""The part of the HTTP server that lets a fault cut a connection.

ASGI has no way to close a connection without an answer, so the protocol puts its transport into the
scope, and `cut` uses it. Under another server (an in-process test client) there is nothing to cut.
"""

import asyncio
import socket
import struct
from typing import Any

from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_KEY = "simulator.transport"


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with the transport made known to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {_KEY: self.transport}
        self.scope["extensions"] = extensions


def _transport(request: Request) -> asyncio.Transport:
    """Raises: ConnectionError where the server is not a CuttableProtocol."""
    transport: asyncio.Transport | None = request.scope.get("extensions", {}).get(_KEY)
    if transport is None:
        raise ConnectionError("this server cannot cut a connection; run the simulator with its own command")
    return transport


async def cut(request: Request, reset: bool = False) -> None:
    """Close the client's connection with no answer; `reset` sends a TCP reset instead of an orderly end.

    Raises: ConnectionError where the server is not a CuttableProtocol.
    """
    transport = _transport(request)
    raw = transport.get_extra_info("socket")
    if reset and raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while not await request.is_disconnected():
        await asyncio.sleep(0.005)


def half_close(request: Request) -> None:
    """Send the end of our side (FIN) and go on reading. Raises: ConnectionError."""
    _transport(request).write_eof()


def write_raw(request: Request, data: bytes) -> None:
    """Write bytes past the protocol. Raises: ConnectionError."""
    _transport(request).write(data)
