"""Plays TeleCMI at almost no cost: ``python -m benchmarks.standin``.

It answers every POST from a book of generated contacts, over kept connections. It listens on loopback, prints its
port as one line, and ends with its input. With a delay, each connection costs one round trip before its first byte,
and each byte half a round trip in both directions.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import ssl
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING

from benchmarks.book import Book, contact
from benchmarks.distance import listen_far_away

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
HOST = "127.0.0.1"


class Conversation(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._unread = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._unread += data
        while (end := self._unread.find(_END_OF_HEAD)) >= 0:
            start = end + len(_END_OF_HEAD)
            length = _content_length(bytes(self._unread[:start]))
            if len(self._unread) < start + length:
                return
            body = self._book.answer(json.loads(self._unread[start : start + length]))
            del self._unread[: start + length]
            self._transport.write(_HEAD % len(body) + body)


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(_LENGTH)
    return int(rest.partition(b"\r\n")[0])


async def serve(arguments: argparse.Namespace) -> None:
    """Answer requests until the input ends."""
    book = Book(_contacts(arguments))
    gc.freeze()  # the entries never change, so the garbage collector may skip them
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Conversation, book), HOST, 0, ssl=_tls(arguments.certificate))
    port = server.sockets[0].getsockname()[1]
    if arguments.delay:
        port = await listen_far_away(HOST, port, arguments.delay)
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def _contacts(arguments: argparse.Namespace) -> Iterable[Mapping[str, str | None]]:
    if arguments.book is None:
        return map(contact, range(arguments.contacts))
    return map(json.loads, arguments.book.read_text(encoding="utf8").splitlines())


def _tls(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def standing_in(*arguments: str) -> Iterator[int]:
    """Run a stand-in in a process of its own, and yield its port."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.standin", *arguments], stdin=PIPE, stdout=PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stand-in."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1000, help="number of contacts")
    parser.add_argument("--book", type=Path, help="a file of contacts, JSON lines, in place of generated ones")
    parser.add_argument("--delay", type=float, default=0.0, help="round trip in seconds")
    parser.add_argument("--certificate", type=Path, help="a file with a key and its chain: speak TLS")
    asyncio.run(serve(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
