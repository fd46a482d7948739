"""Log lines: one for each record, sanitized, without the token."""

from __future__ import annotations

import logging

from pydantic import SecretStr

from telecmi_mcp._config.logging import LineFormatter
from telecmi_mcp._config.secrets import KnownSecrets


def line(message: str, *secrets: str) -> str:
    known = KnownSecrets()
    known.add(*map(SecretStr, secrets))
    return LineFormatter(known).format(logging.LogRecord("n", logging.INFO, "", 0, message, None, None))


def test_every_record_is_one_line() -> None:
    assert line("a\nb\r\x1b[31mc\u202ed").endswith(" INFO n: a b cd")


def test_the_token_is_removed() -> None:
    assert line("sent hunter2 twice: hunter2", "hunter2").endswith("sent [removed] twice: [removed]")


def test_a_line_has_at_most_2000_characters() -> None:
    assert len(line("x" * 10_000)) == 2000


def test_a_traceback_stays_on_the_line() -> None:
    try:
        raise ValueError("boom")  # noqa: TRY301 - the test needs a traceback
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("n", logging.ERROR, "", 0, "failed", None, info)
    assert "\n" not in LineFormatter().format(record)
