"""A canary token and nobody who sings: it is in no output, log, trace, crash, cursor, file or package."""

from __future__ import annotations

import io
import json
import logging
import pickle
import subprocess
import sys
import tarfile
import traceback
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr
from secret_encodings import encodings_of

from conftest import opened_desk
from e2e.lines import PATIENCE, call, environment, started
from paths import ROOT
from telecmi_mcp import Settings, TelecmiError, open_app
from telecmi_mcp._config.logging import configure_logging
from telecmi_mcp.sandbox import Quirks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CANARY = "canary/singing+in=the.mine-7Qx2"
SIGNED_IN = Settings(token=SecretStr(CANARY), base_url="http://localhost")
AWAY = {"TELECMI_TOKEN": CANARY, "TELECMI_BASE_URL": "http://127.0.0.1:9", "TELECMI_TIMEOUT": "2"}


def assert_silent(*texts: str) -> None:
    for text in texts:
        for song in encodings_of(CANARY):
            assert song not in text


def test_the_canary_would_be_heard() -> None:
    for song in encodings_of(CANARY):
        with pytest.raises(AssertionError):
            assert_silent(f"...{song}...")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that every logger says at DEBUG, in the form in which nobody takes anything out."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


REFUSALS: list[dict[str, Any]] = [
    {"error_style": style, "error_text": text, "token_echo": "error_text"}
    for style in ["body", "http"]
    for text in ["msg", "message", "error", "status", "nested"]
]


@pytest.mark.parametrize("quirks", [*REFUSALS, {"rate_limit": "http", "token_echo": "error_text"}])
async def test_an_error_never_holds_it_even_if_telecmi_hands_it_back(quirks: Any, logged: io.StringIO) -> None:
    async with opened_desk(Quirks(**quirks), settings=SIGNED_IN) as desk:
        said = await desk.refuse("list_contacts")
        said += await desk.refuse("get_contact", contact_id="d3b07384-d113-4ec5-a5ae-be81d6e3c239")
        said += await desk.refuse("list_contacts", page_state=CANARY[:-1], limit="x")
        assert CANARY in repr([body["token"] for body in desk.bodies])  # it was sent, so there was something to tell
    assert_silent(said, logged.getvalue())


class Parrot(httpx2.AsyncBaseTransport):
    """A network that fails with everything it was given."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.RemoteProtocolError(request.content.decode(), request=request)


async def test_no_exception_nor_its_causes_hold_it(logged: io.StringIO) -> None:
    async with open_app(SIGNED_IN, transport=Parrot()) as app:
        with pytest.raises(TelecmiError) as caught:
            await app.client.list_contacts()
        shown = [repr(app), repr(app.client), repr(caught.value.__dict__), *map(str, caught.value.args)]
    shown += traceback.format_exception(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        shown.append(f"{error!r} {error} {vars(error)}")
        error = error.__cause__ or error.__context__
    assert_silent(*shown, logged.getvalue())


def test_settings_never_show_it() -> None:
    assert_silent(repr(SIGNED_IN), str(SIGNED_IN))
    with pytest.raises(TypeError) as caught:
        pickle.dumps(SIGNED_IN)
    assert_silent(str(caught.value))


async def test_a_cursor_never_carries_it_on() -> None:
    async def echo(_: httpx2.Request) -> httpx2.Response:
        async def body() -> AsyncIterator[bytes]:
            contact = {"contact_id": "a", "company": f"<{CANARY}>", "job_title": f"{CANARY[:9]}\u200b{CANARY[9:]}"}
            yield json.dumps({"contacts": [contact], "page_state": f"next {CANARY}"}).encode()

        return httpx2.Response(200, content=body())

    async with open_app(SIGNED_IN, transport=httpx2.MockTransport(echo)) as app:
        page = await app.client.list_contacts()
    assert_silent(repr(page))
    assert page.page_state is None
    assert page.broken_off


async def test_spans_never_hold_it() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    async with opened_desk(Quirks(token_echo="error_text"), settings=SIGNED_IN) as desk:
        await desk.refuse("list_contacts")
        await desk.refuse("list_contacts", limit=CANARY)
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans if span.name.startswith("tools/call")]
    assert_silent(*(span.to_json() for span in spans))


def test_the_log_has_no_secret_even_if_somebody_logs_it(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure_logging(SIGNED_IN)
        logging.getLogger("somebody").error("the request was %s", {"token": CANARY})
    finally:
        logging.captureWarnings(capture=False)
        root.handlers, level = before
        root.setLevel(level)
    assert_silent(capsys.readouterr().err)


CRASH = """
import sys
import telecmi_mcp._mcp.tools as tools

async def crash(app, arguments):
    token = (await app.client._tokens.current()).get_secret_value()
    raise RuntimeError(token)

tools.TOOLS[0].__class__.call = lambda self, app, arguments: crash(app, arguments)
from telecmi_mcp._cli import main
sys.exit(main(["serve"]))
"""


@pytest.mark.slow
async def test_a_process_never_tells_it_whatever_happens() -> None:
    env = environment(
        TELECMI_TOKEN=CANARY, TELECMI_BASE_URL="http://127.0.0.1:9", TELECMI_LOG_LEVEL="DEBUG", TELECMI_TIMEOUT="2"
    )
    for words in [["-X", "dev", "-m", "telecmi_mcp", "serve"], ["-X", "dev", "-c", CRASH]]:
        async with started(*words, env=env, command=[sys.executable]) as server:
            seen = [str(await server.shake_hands())]
            seen.append(str(await server.ask(call(1, "list_contacts"))))
            seen.append(str(await server.ask(call(2, "list_contacts", limit="x", token="x"))))
            cmdline = Path(f"/proc/{server.process.pid}/cmdline")
            seen.append(cmdline.read_text(encoding="utf8") if cmdline.exists() else "")  # noqa: ASYNC240 - a short look
            await server.send(b'{"broken\n')
            seen.append(str(await server.receive()))
            assert await server.close() == 0
            seen.append(await server.errors())
        assert seen[-1]
        assert_silent(*seen)


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["check"], ["check", "--json"], ["serve", "--timeout", "x"]]
)
@pytest.mark.slow
def test_a_command_never_prints_it(words: list[str]) -> None:
    command = [sys.executable, "-m", "telecmi_mcp", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment(**AWAY), timeout=PATIENCE
    )
    assert done.stdout + done.stderr
    assert_silent(done.stdout, done.stderr)


@pytest.mark.slow
def test_the_packages_hold_no_secret_of_whoever_built_them(tmp_path: Path) -> None:
    env = environment(TELECMI_TOKEN=CANARY)
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", tmp_path, ROOT], check=True, capture_output=True, env=env
    )
    for wheel in tmp_path.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            assert_silent(*(archive.read(name).decode("utf8", "replace") for name in archive.namelist()))
    for sdist in tmp_path.glob("*.tar.gz"):
        with tarfile.open(sdist) as tar:
            names = tar.getnames()
        assert not [name for name in names if Path(name).name in {".env", ".pypirc"} or "/.venv/" in name]
