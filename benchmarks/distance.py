"""Delays the bytes and the connections between two ends of loopback."""

from __future__ import annotations

import asyncio
from contextlib import suppress

_CHUNK = 256 * 1024
_TICK = 1e-6


async def listen_far_away(host: str, port: int, round_trip: float) -> int:
    """Return a port that forwards to the given one with a round trip of ``round_trip`` seconds.

    The kernel accepts a connection on loopback at once, so the round trip that opening it takes elsewhere
    is added to the delay of its first bytes.
    """

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived = asyncio.get_running_loop().time() + 1.5 * round_trip  # of the first bytes
        far_reader, far_writer = await asyncio.open_connection(host, port)
        half = round_trip / 2
        # At the end of the run, or of a killed side, streams would report a failure.
        with suppress(asyncio.CancelledError, ConnectionError):
            await asyncio.gather(_carry(reader, far_writer, half, arrived), _carry(far_reader, writer, half, arrived))

    server = await asyncio.start_server(accept, host, 0)
    return int(server.sockets[0].getsockname()[1])


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, half: float, first: float) -> None:
    loop = asyncio.get_running_loop()
    due = first
    while data := await reader.read(_CHUNK):
        due = max(due + _TICK, loop.time() + half)  # after what was sent earlier
        loop.call_at(due, writer.write, data)
    loop.call_at(max(due + _TICK, loop.time() + half), writer.close)
