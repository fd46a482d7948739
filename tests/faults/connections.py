"""Faults of the connection: no listener, silence, interruptions, drips and floods, TLS."""

from __future__ import annotations

import gzip

from telecmi_mcp import errors

from .fault import PAGE, Fault
from .plays import (
    CAP,
    GOOD,
    MARK,
    answer,
    answers,
    bomb,
    chunked,
    drips,
    floods,
    hangs_up,
    head,
    page,
    says,
    says_and_resets,
    says_and_waits,
    starts,
)
from .server import Play, Visit

_OPEN_END = head(200, "Content-Type: application/json", "Content-Length: 5000")
_CHUNKED = head(200, "Transfer-Encoding: chunked")
_GZIP = head(200, "Transfer-Encoding: chunked", "Content-Encoding: gzip")


async def _reset(visit: Visit) -> None:
    visit.reset()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


INTERRUPTIONS = (
    Fault("port-refused", "Nothing listens on the port.", (GOOD,), errors.Unreachable(), tries=3, deaf=True),
    Fault(
        "closed-at-once",
        "The connection is closed as soon as it is open.",
        (hangs_up(at_once=True),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "closed-without-answer",
        "The request is read and the connection closed without an answer.",
        (hangs_up(),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "reset-without-answer",
        "The request is read and the connection reset.",
        (Play(_reset),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "reset-at-once",
        "The connection is reset as soon as it is open.",
        (starts(_reset),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "head-cut",
        "The connection ends in the middle of the answer's headers.",
        (says(b"HTTP/1.1 200 OK\r\nContent-Ty"),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "body-cut",
        "The connection ends before the announced length of the body is reached.",
        (says(_OPEN_END + b'{"code":200,'),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "body-reset",
        "The connection is reset in the middle of the body.",
        (says_and_resets(_OPEN_END + b'{"code":200,'),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "chunks-cut",
        "A chunked body ends without its last chunk.",
        (says(chunked([page()[:20], page()[20:]], end=b"")),),
        errors.ConnectionInterrupted(),
        tries=3,
    ),
    Fault(
        "interrupted-twice",
        "Two tries are interrupted in different ways, the third is answered.",
        (says(_OPEN_END), Play(_reset), GOOD),
        PAGE,
        tries=3,
    ),
    Fault(
        "kept-connection-closed",
        "TeleCMI closes a kept connection between two calls.",
        (says(answer(page())), GOOD),
        PAGE,
        tries=2,
        calls=2,
        pauses=(),
    ),
    Fault(
        "kept-connection-dead",
        "A kept connection turns out to be dead when the next request is on it.",
        (GOOD, Play(_reset), GOOD),
        PAGE,
        tries=3,
        calls=2,
    ),
    Fault(
        "cancelled",
        "The caller cancels while TeleCMI works on the request.",
        (says_and_waits(b""),),
        None,
        cancelled=True,
    ),
)

SILENCE = (
    Fault(
        "silence",
        "The request is read and never answered.",
        (says_and_waits(b""),),
        errors.DeadlineExceeded(1),
        tries=2,
        timeout=1,
    ),
    Fault(
        "silence-once",
        "The first try is not answered in half of the time, the second is.",
        (says_and_waits(b""), GOOD),
        PAGE,
        tries=2,
        timeout=1,
    ),
    Fault(
        "silence-in-body",
        "The answer stops in the middle of the body, and the connection stays open.",
        (says_and_waits(_OPEN_END + b'{"code":200,'),),
        errors.DeadlineExceeded(1),
        tries=2,
        timeout=1,
    ),
    Fault(
        "silence-in-tls",
        "A port accepts the connection and never begins with TLS.",
        (says_and_waits(b"", at_once=True),),
        errors.DeadlineExceeded(1),
        tries=2,
        timeout=1,
        tls=True,
    ),
    Fault(
        "status-line-drips",
        "The status line comes one byte at a time and never ends.",
        (drips(b"HTTP/1.1 200 ", b"O"),),
        errors.DeadlineExceeded(1),
        timeout=1,
    ),
    Fault(
        "headers-drip",
        "Headers come one at a time, for ever.",
        (drips(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),),
        errors.DeadlineExceeded(1),
        timeout=1,
    ),
    Fault(
        "body-drips",
        "The body comes one byte at a time and never ends.",
        (drips(head(200, "Content-Length: 1000000"), b" "),),
        errors.DeadlineExceeded(1),
        timeout=1,
    ),
    Fault(
        "chunks-drip",
        "Chunks of one byte come slowly, for ever.",
        (drips(_CHUNKED, _chunk(b" ")),),
        errors.DeadlineExceeded(1),
        timeout=1,
    ),
    Fault(
        "early-hints-for-ever",
        "103 Early Hints is sent again and again, and no answer.",
        (drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),),
        errors.DeadlineExceeded(1),
        timeout=1,
    ),
)

FLOODS = (
    Fault(
        "gzip-bomb",
        "One MiB of gzip would become one GiB.",
        (says(_GZIP + _chunk(bomb(1024)) + b"0\r\n\r\n"),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "gzip-then-flood",
        "A small gzip answer is followed by bytes without end.",
        (floods(_GZIP + _chunk(gzip.compress(page())), _chunk(b"\0" * 65536)),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "gzip-of-nothing",
        "Gzip without end that unpacks to nothing.",
        (floods(_GZIP + _chunk(bomb(0)[:10]), _chunk(b"\0\0\0\xff\xff" * 13107)),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "chunks-without-end",
        "A chunked body never ends.",
        (floods(_CHUNKED, _chunk(b" " * 65536)),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "body-without-end",
        "A body without a length never ends.",
        (floods(head(200), b" " * 65536),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "announced-99-gb",
        "A body of 99 GB is announced.",
        (says_and_waits(head(200, "Content-Length: 99000000000")),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "announced-20-digits",
        "A Content-Length of twenty digits is announced.",
        (says_and_waits(head(200, f"Content-Length: {'9' * 20}")),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "one-byte-too-many",
        "A chunked body is one byte longer than 8 MiB.",
        (says(chunked([page() + b" " * (CAP + 1 - len(page()))])),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "exactly-8-mib",
        "A body is exactly 8 MiB long.",
        (answers(page() + b" " * (CAP - len(page()))),),
        PAGE,
    ),
    Fault(
        "dense",
        "8 MiB hold 2.7 million empty objects.",
        (answers(b'{"code":200,"contacts":[' + b"{}," * 2_700_000 + b"{}]}"),),
        errors.ResponseTooLarge(),
    ),
)

TLS = (
    Fault(
        "tls-plain-http",
        "Plain HTTP answers on an https address.",
        (says(answer(page()), at_once=True),),
        errors.InsecureConnection(),
        tls=True,
    ),
    Fault(
        "tls-alert",
        "The TLS handshake is refused with an alert.",
        (says_and_waits(b"\x15\x03\x03\x00\x02\x02\x28", at_once=True),),
        errors.InsecureConnection(),
        tls=True,
    ),
    Fault(
        "tls-garbage",
        "Something that is not TLS answers on an https address.",
        (says_and_waits(MARK.encode() * 10, at_once=True),),
        errors.InsecureConnection(),
        tls=True,
    ),
    Fault(
        "tls-cut",
        "The connection is closed in the middle of the TLS handshake.",
        (hangs_up(at_once=True),),
        errors.Unreachable(),
        tries=3,
        tls=True,
    ),
    Fault(
        "tls-reset",
        "The connection is reset in the middle of the TLS handshake.",
        (starts(_reset),),
        errors.Unreachable(),
        tries=3,
        tls=True,
    ),
)
