"""Log lines: one for each record, sanitized, without the token, as text or as JSON."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from secret_encodings import encodings_of

from e2e.lines import environment, piped
from telecmi_mcp import Settings
from telecmi_mcp._config.logging import JsonFormatter, LineFormatter, configure_logging
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = 'pass "word"/ä+sings-5Kq1'


@pytest.fixture
def _root_restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers, level = before
    root.setLevel(level)


def record(message: str, *args: object, exc_info: Any = None) -> logging.LogRecord:
    return logging.LogRecord("n", logging.INFO, "", 0, message, args, exc_info)


def line(message: str, *secrets: str, formatter: type[LineFormatter | JsonFormatter] = LineFormatter) -> str:
    known = KnownSecrets()
    known.add(*map(SecretStr, secrets))
    return formatter(known).format(record(message))


def failure() -> Any:
    try:
        raise ValueError("boom")  # noqa: TRY301 - the tests need a traceback
    except ValueError as error:
        return ValueError, error, error.__traceback__


def test_every_record_is_one_line() -> None:
    assert line("a\nb\r\x1b[31mc\u202ed").endswith(" INFO n: a b cd")


def test_the_token_is_removed() -> None:
    assert line("sent hunter2 twice: hunter2", "hunter2").endswith("sent [removed] twice: [removed]")


def test_a_line_has_at_most_2000_characters() -> None:
    assert len(line("x" * 10_000)) == 2000


def test_a_traceback_stays_on_the_line() -> None:
    assert "\n" not in LineFormatter().format(record("failed", exc_info=failure()))


def test_a_record_as_json_has_its_time_level_logger_and_message_and_nothing_else() -> None:
    one = record("%s calls", 3)
    written = JsonFormatter().format(one)
    facts = json.loads(written)
    assert list(facts) == ["time", "level", "logger", "message"]
    assert (facts["level"], facts["logger"], facts["message"]) == ("INFO", "n", "3 calls")
    assert facts["time"].endswith("Z")
    assert datetime.fromisoformat(facts["time"]).timestamp() == pytest.approx(one.created, abs=0.001)


def test_a_message_as_json_is_sanitized_like_a_line_of_text() -> None:
    written = line("a\nb\r\x1b[31mc\u202ed ß", formatter=JsonFormatter)
    assert written.isascii()
    assert "\n" not in written
    assert json.loads(written)["message"] == "a b cd ß"
    assert len(json.loads(line("x" * 10_000, formatter=JsonFormatter))["message"]) == 2000


def test_a_traceback_is_part_of_the_message_as_json() -> None:
    message = json.loads(JsonFormatter().format(record("failed", exc_info=failure())))["message"]
    assert message.startswith("failed Traceback")
    assert message.endswith("ValueError: boom")


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.usefixtures("_root_restored")
def test_no_form_of_a_secret_is_in_the_log(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging(Settings(token=SecretStr(SECRET), log_format=log_format))
    for form in encodings_of(SECRET)[:-1]:  # the last one is its end
        logging.getLogger("somebody").error("the request was %s", json.dumps({"token": form}))
        logging.getLogger("somebody").error("the request was %s", form)
    said = capsys.readouterr().err
    assert "[removed]" in said
    assert not [form for form in encodings_of(SECRET) if form in said]
    if log_format == "json":
        messages = [json.loads(each)["message"] for each in said.splitlines()]
        assert not [form for form in encodings_of(SECRET) for message in messages if form in message]


@pytest.mark.slow
async def test_the_log_of_a_stdio_server_can_be_json() -> None:
    variables = {"TELECMI_LOG_FORMAT": "json", "TELECMI_LOG_LEVEL": "DEBUG", "TELECMI_TOKEN": SANDBOX_TOKEN}
    code, _, said = await piped(b'{"broken\n', "serve", env=environment(**variables, TELECMI_PRECONNECT="off"))
    assert code == 0
    lines = [json.loads(each) for each in said.splitlines()]
    assert lines
    assert all(each.keys() == {"time", "level", "logger", "message"} for each in lines)
