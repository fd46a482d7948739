"""Faults of HTTP and of what it carries: no HTTP, redirects, codings, no JSON, strange JSON."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from telecmi_mcp import errors

from .fault import PAGE, Fault
from .plays import (
    CONTACT_ID,
    GOOD,
    JOHN,
    MARK,
    answer,
    answers,
    bomb,
    chunked,
    head,
    page,
    redirects,
    says,
    says_and_waits,
    zipped,
)

if TYPE_CHECKING:
    from telecmi_mcp._models import ContactPage

    from .server import Play

_HTML = f"<!doctype html><title>{MARK}</title><p>Please sign in to the hotel's network".encode()


def _named(**fields: str) -> dict[str, Any]:
    return {**JOHN, **fields}


def _page_with(first_name: str) -> ContactPage:
    (john,) = PAGE.contacts
    return replace(PAGE, contacts=(john._replace(first_name=first_name),))


NOT_HTTP = (
    Fault(
        "ssh-banner",
        "An SSH server is behind the port: it sends its banner and waits.",
        (says_and_waits(b"SSH-2.0-OpenSSH_9.6p1 Quagga-3\r\n", at_once=True),),
        errors.NotHttp(),
        timeout=2,
    ),
    Fault(
        "ssh-banner-and-closed",
        "An SSH server complains about our request and hangs up.",
        (says(b"SSH-2.0-OpenSSH_9.6p1 Quagga-3\r\nInvalid SSH identification string.\r\n"),),
        errors.NotHttp(),
    ),
    Fault(
        "mail-server",
        "A mail server is behind the port.",
        (says_and_waits(b"220 quagga.invalid ESMTP\r\n500 5.5.1 Unrecognised command\r\n\r\n", at_once=True),),
        errors.NotHttp(),
        timeout=2,
    ),
    Fault("http-0.9", "A bare body without status line or headers.", (says(page()),), errors.NotHttp()),
    Fault(
        "bad-status-line",
        "The status is not a number.",
        (says(f"HTTP/1.1 {MARK}\r\nContent-Length: 2\r\n\r\n{{}}".encode()),),
        errors.NotHttp(),
    ),
    Fault(
        "bad-header",
        "A header has no colon.",
        (says(f"HTTP/1.1 200 OK\r\n{MARK}\r\nContent-Length: 2\r\n\r\n{{}}".encode()),),
        errors.NotHttp(),
    ),
    Fault(
        "bad-chunk-size",
        "The size of a chunk is not a number.",
        (says(head(200, "Transfer-Encoding: chunked") + MARK.encode() + b"\r\n{}\r\n0\r\n\r\n"),),
        errors.NotHttp(),
    ),
    Fault(
        "negative-length",
        "The Content-Length is negative.",
        (says(head(200, "Content-Length: -1") + page()),),
        errors.NotHttp(),
    ),
    Fault(
        "30-digits-length",
        "The Content-Length has thirty digits.",
        (says(head(200, f"Content-Length: {'9' * 30}") + page()),),
        errors.NotHttp(),
    ),
    Fault(
        "two-lengths",
        "Two Content-Lengths contradict each other.",
        (says(head(200, "Content-Length: 5", "Content-Length: 7") + page()),),
        errors.NotHttp(),
    ),
    Fault(
        "100k-headers",
        "The answer has 100,000 headers.",
        (says(head(200, *[f"X-{number}: {MARK}" for number in range(100_000)], "Content-Length: 0")),),
        errors.NotHttp(),
    ),
    Fault(
        "10-mb-header",
        "One header is 10 MB long.",
        (says(head(200, f"X-Long: {'q' * 10_000_000}", "Content-Length: 0")),),
        errors.NotHttp(),
    ),
    Fault(
        "switching-protocols",
        "101 Switching Protocols comes, which was not requested.",
        (says_and_waits(head(101, "Upgrade: quagga", "Connection: Upgrade")),),
        errors.NotHttp(),
        timeout=2,
    ),
    Fault(
        "early-hints",
        "100 Continue and 103 Early Hints come before the answer.",
        (says(head(100) + head(103, "Link: </style.css>; rel=preload") + answer(page()), stays=True),),
        PAGE,
    ),
    Fault(
        "no-length",
        "The body has no length and ends with the connection.",
        (says(head(200) + page()),),
        PAGE,
    ),
)

REDIRECTS = (
    *(
        Fault(
            f"redirect-{status}",
            f"A redirect with {status} to another port.",
            (redirects(status),),
            errors.UnexpectedRedirect(),
        )
        for status in (301, 302, 303, 307, 308)
    ),
    Fault(
        "redirect-gzip",
        "A redirect whose page is in gzip.",
        (redirects(302, "Content-Encoding: gzip", body=gzip.compress(_HTML)),),
        errors.UnexpectedRedirect(),
    ),
    Fault(
        "redirect-brotli",
        "A redirect whose page has an unknown coding.",
        (redirects(307, "Content-Encoding: br", body=b"\x0b\x02\x80"),),
        errors.UnexpectedRedirect(),
    ),
    Fault(
        "redirect-elsewhere-in-body",
        "A redirect whose page is announced with 99 GB.",
        (says_and_waits(head(302, "Location: http://quagga.invalid/", "Content-Length: 99000000000")),),
        errors.UnexpectedRedirect(),
    ),
)


def _members(*members: bytes) -> Play:
    return answers(b"".join(members), "Content-Encoding: gzip")


CODINGS = (
    Fault("gzip", "A good answer in gzip.", (says(zipped(page()), stays=True),), PAGE),
    Fault(
        "gzip-members",
        "A body in gzip has two members.",
        (_members(gzip.compress(page()[:20]), gzip.compress(page()[20:])),),
        PAGE,
    ),
    Fault("gzip-padded", "Zeros follow a body in gzip.", (_members(gzip.compress(page()), bytes(512)),), PAGE),
    Fault(
        "gzip-then-garbage",
        "Something that is no gzip follows a body in gzip.",
        (_members(gzip.compress(page()), MARK.encode()),),
        errors.CorruptResponse(),
        tries=2,
    ),
    Fault(
        "gzip-bomb-second",
        "The second member of a body in gzip would become one GiB.",
        (_members(gzip.compress(page()), bomb(1024)),),
        errors.ResponseTooLarge(),
    ),
    Fault(
        "gzip-bad",
        "A body in gzip is damaged.",
        (answers(b"\x1f\x8b\x08\0" + b"\xff" * 60, "Content-Encoding: gzip"),),
        errors.CorruptResponse(),
        tries=2,
    ),
    Fault(
        "gzip-cut",
        "A body in gzip ends too early.",
        (answers(gzip.compress(page())[:-12], "Content-Encoding: gzip"),),
        errors.CorruptResponse(),
        tries=2,
    ),
    Fault(
        "gzip-checksum",
        "A body in gzip does not fit its checksum.",
        (answers(gzip.compress(page())[:-8] + b"\0" * 8, "Content-Encoding: gzip"),),
        errors.CorruptResponse(),
        tries=2,
    ),
    Fault(
        "not-gzip",
        "Plain JSON is said to be gzip.",
        (answers(page(), "Content-Encoding: gzip"),),
        errors.CorruptResponse(),
        tries=2,
    ),
    Fault(
        "brotli",
        "The body is in a coding that was not requested.",
        (answers(b"\x0b\x02\x80{}\x03", "Content-Encoding: br"),),
        errors.CorruptResponse(),
        tries=2,
    ),
    Fault(
        "deflate",
        "The body is in deflate, which was not requested.",
        (answers(b"\x78\x9c\x03\x00\x00\x00\x00\x01", "Content-Encoding: deflate"),),
        errors.CorruptResponse(),
        tries=2,
    ),
    Fault(
        "gzip-bad-once",
        "A damaged body in gzip, then a good answer.",
        (answers(b"\x1f\x8b\x08\0" + b"\xff" * 60, "Content-Encoding: gzip"), GOOD),
        PAGE,
        tries=2,
    ),
    Fault(
        "unavailable-gzip",
        "503 with a damaged body in gzip.",
        (answers(b"\xff" * 60, "Content-Encoding: gzip", status=503),),
        errors.Unavailable(),
        tries=3,
    ),
)

NO_DATA = (
    Fault("html", "A web page with status 200.", (answers(_HTML),), errors.UnexpectedContent()),
    Fault("unknown-route", "A web page with status 404.", (answers(_HTML, status=404),), errors.UnexpectedContent()),
    Fault("firewall", "A web page with status 403.", (answers(_HTML, status=403),), errors.UnexpectedContent()),
    Fault("nothing", "An empty body with status 200.", (answers(b""),), errors.UnexpectedContent()),
    Fault("blanks", "A body of spaces and line ends.", (answers(b" \r\n" * 5),), errors.UnexpectedContent()),
    Fault("no-content", "204 No Content.", (says(head(204)),), errors.UnexpectedContent()),
    Fault("plain-words", "Plain words.", (answers(MARK.encode()),), errors.MalformedResponse()),
)

STRANGE_JSON = (
    Fault(
        "nested-200k",
        "JSON that is nested 200,000 deep.",
        (answers(b'{"code":200,"contacts":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),),
        errors.MalformedResponse(),
    ),
    Fault(
        "5000-digits",
        "A number of 5,000 digits.",
        (answers(b'{"code":200,"contacts":[],"count":' + b"9" * 5000 + b"}"),),
        errors.MalformedResponse(),
    ),
    Fault("latin-1", "Text in Latin-1.", (answers(page().replace(b"John", b"J\xf6rg")),), errors.MalformedResponse()),
    Fault(
        "utf-16",
        "Text in UTF-16.",
        (answers(page().decode().encode("utf-16")),),
        errors.MalformedResponse(),
    ),
    Fault(
        "nan",
        "NaN, which is not JSON.",
        (answers(page().replace(b"150", b"NaN")),),
        errors.MalformedResponse(),
    ),
    Fault(
        "infinity",
        "Infinity, which is not JSON.",
        (answers(page().replace(b"150", b"-Infinity")),),
        errors.MalformedResponse(),
    ),
    Fault("half-json", "JSON that stops half way.", (answers(page()[:-9]),), errors.MalformedResponse()),
    Fault("utf-8-bom", "A byte order mark before the JSON.", (answers(b"\xef\xbb\xbf" + page()),), PAGE),
    Fault(
        "lone-surrogate",
        "Half a character in a name.",
        (answers(page(_named(first_name="Jo\ud800n"))),),
        _page_with("Jo\ufffdn"),
    ),
    Fault("chunks", "A good answer in small chunks.", (says(chunked([bytes([b]) for b in page()])),), PAGE),
    *(
        Fault(
            f"json-{name}",
            f"The answer is the JSON {name} {text}.",
            (answers(text.encode()),),
            errors.MalformedResponse(),
        )
        for name, text in (("list", "[]"), ("number", "200"), ("string", '"ok"'), ("literal", "null"))
    ),
    *(
        Fault(
            f"contacts-{name}",
            f"A page was asked for, and {says_so}.",
            (answers(json.dumps({"code": 200, "count": 150, **fields}).encode()),),
            errors.MalformedResponse(),
        )
        for name, says_so, fields in (
            ("missing", "there are no contacts in the answer", {}),
            ("null", "contacts is null", {"contacts": None}),
            ("number", "contacts is a number", {"contacts": 7}),
            ("words", "contacts is a list of words", {"contacts": [MARK, MARK]}),
        )
    ),
    Fault(
        "one-bad-contact",
        "One of two contacts is malformed.",
        (answers(page({"first_name": MARK}, JOHN)),),
        replace(PAGE, malformed=1),
    ),
    Fault(
        "cursor-number",
        "The cursor of the next page is a number.",
        (answers(page(page_state=17)),),
        errors.MalformedResponse(),
    ),
    Fault(
        "contact-html",
        "A contact was asked for, and a web page comes.",
        (answers(_HTML),),
        errors.UnexpectedContent(),
        contact_id=CONTACT_ID,
    ),
)
