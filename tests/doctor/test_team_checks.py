"""Tests the judgements of ``telecmi-mcp team check``: what each finding says, and the one thing to do."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest

from telecmi_mcp._config.settings import Settings
from telecmi_mcp._doctor import CheckResult, Verdict
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._team.checks import run
from telecmi_mcp._team.checks.copies import check_copies, describe_copies
from telecmi_mcp._team.checks.database import (
    check_access_keys,
    check_caller_sign_ins,
    check_database,
    check_direct_database,
    check_schema,
)
from telecmi_mcp._team.checks.database_state import DatabaseState, KeyEnd, StoredIndex
from telecmi_mcp._team.checks.database_state import Failure as DatabaseFailure
from telecmi_mcp._team.checks.issuer import check_issuer
from telecmi_mcp._team.checks.listening import check_server, judge_server, judge_silence
from telecmi_mcp._team.checks.public_url import (
    check_public_url,
    judge_authorization,
    judge_certificate,
    judge_metadata,
    judge_reply,
)
from telecmi_mcp._team.checks.request import Failure, Reply
from telecmi_mcp._team.checks.telecmi import check_credentials
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.config.variables import Address
from telecmi_mcp._team.index.postgres_store import VERSION
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


NOW = 1_790_000_000.0
HOUR, DAY = 3600.0, 86_400.0
URL = "https://mcp.example.com/mcp"
ISSUER = "https://id.example.com/tenant"
KEYS = TeamSettings(callers="keys", public_url=URL)
OAUTH = TeamSettings(callers="oauth", public_url=URL, issuer=ISSUER)
USABLE = DatabaseState(version="15.2 (Debian 15.2-1)", version_number=150_002, encoding="UTF8", callers_with_keys=2)
METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
SILENCE_S = 120


def challenged(challenge: str, status: int = 401) -> Reply:
    return Reply(status=status, headers={"www-authenticate": challenge})


# The database


@pytest.mark.parametrize("failure", DatabaseFailure)
def test_each_way_in_which_a_database_fails_has_an_advice(failure: DatabaseFailure) -> None:
    found = check_database(DatabaseState(failure=failure))
    assert found.verdict is Verdict.BAD
    assert found.says
    error = ConfigurationError(hint=found.advice.rstrip("."), fact=found.says)  # as team setup shows it
    assert len(str(error)) <= 200


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": "12.9", "version_number": 120_009}, "PostgreSQL 12.9 is too old"),
        ({"encoding": "SQL_ASCII"}, "its encoding is SQL_ASCII, not UTF8"),
        ({"is_read_only": True}, "it is a standby or read-only"),
        ({"may_create_schema": False}, "its user may not create the schema telecmi_mcp"),
        ({"may_use_schema": False}, "its user may not use the schema telecmi_mcp"),
        ({"closed_tables": 3}, "its user may not write 3 tables"),
    ],
)
def test_a_database_that_cannot_be_used_is_called_what_it_is(change: dict[str, Any], says: str) -> None:
    found = check_database(replace(USABLE, **change))
    assert (found.verdict, found.says, bool(found.advice)) == (Verdict.BAD, says, True)


def test_a_usable_database_and_its_schema_are_good() -> None:
    found = check_database(USABLE)
    assert (found.verdict, found.says) == (Verdict.GOOD, "PostgreSQL 15.2, UTF8, with the needed rights")
    assert check_schema(USABLE).verdict is Verdict.GOOD
    old = check_schema(replace(USABLE, missing_steps=1))
    assert (old.verdict, old.says) == (Verdict.BAD, "1 migration missing")


def test_keys_that_end_soon_are_named_by_their_caller() -> None:
    state = replace(USABLE, ending_keys=(KeyEnd("priya raman", "1a2b3c4d", 0), KeyEnd("amal", "5e6f7a8b", 12)))
    counted, *ending = check_access_keys(state, KEYS)
    assert (counted.verdict, counted.says) == (Verdict.GOOD, "2 callers with a key")
    assert [each.says for each in ending] == [
        "the key 1a2b3c4d of priya raman ends within a day",
        "the key 5e6f7a8b of amal ends in 12 days",
    ]
    assert ending[0].advice == "Replace it: telecmi-mcp team key rotate 'priya raman'."
    assert {each.verdict for each in ending} == {Verdict.DOUBTFUL}


def test_callers_without_any_key_or_sign_in_are_something_to_do() -> None:
    (keys,) = check_access_keys(replace(USABLE, callers_with_keys=0), KEYS)
    assert (keys.verdict, keys.advice) == (Verdict.DOUBTFUL, "Create one: telecmi-mcp team key add NAME.")
    (sign_ins,) = check_caller_sign_ins(replace(USABLE, callers_signed_in=0), replace(KEYS, sign_ins="callers"))
    assert (sign_ins.verdict, "team sign-in NAME" in sign_ins.advice) == (Verdict.DOUBTFUL, True)
    assert check_access_keys(USABLE, OAUTH) == check_caller_sign_ins(USABLE, KEYS) == ()


@pytest.mark.parametrize(
    ("state", "verdict", "says"),
    [
        (None, Verdict.BAD, "a pooler answers"),
        (replace(USABLE, is_pooler=True), Verdict.BAD, "a pooler too"),
        (DatabaseState(failure=DatabaseFailure.REFUSED), Verdict.BAD, "refuses"),
        (USABLE, Verdict.GOOD, "PostgreSQL itself answers"),
    ],
)
def test_locks_need_postgresql_itself(state: DatabaseState | None, verdict: Verdict, says: str) -> None:
    (found,) = check_direct_database(state, is_pooler=True)
    assert (found.verdict, says in found.says) == (verdict, True)
    assert verdict is Verdict.GOOD or "TELECMI_DATABASE_DIRECT_URL" in found.advice
    assert check_direct_database(None, is_pooler=False) == ()


# The copies


def copy(account: int, sync: SyncState, *, used_at: float = NOW, version: int = VERSION) -> StoredIndex:
    return StoredIndex(account, version, 1200, sync.state, used_at)


def synced(ago: float) -> SyncState:
    return SyncState(generation=1, started_at=NOW - ago, ended_at=NOW - ago, is_whole=True, as_of=NOW - ago)


def test_the_age_of_the_copies_is_a_span_and_an_unused_copy_is_no_fault() -> None:
    copies = [copy(1, synced(90)), copy(2, synced(3 * DAY), used_at=NOW - 3 * DAY), copy(3, synced(0), version=1)]
    (found,) = check_copies(copies, max_age=900, now=NOW)
    assert (found.verdict, found.says) == (Verdict.GOOD, "2 accounts, complete as of 3 d ago to 1 min ago")


def test_a_copy_that_is_in_use_and_is_not_renewed_is_named_by_the_number_of_its_account() -> None:
    late, never = synced(5 * HOUR), SyncState(generation=1, started_at=NOW - 5 * HOUR, created_at=NOW - 5 * HOUR)
    summary, first, second = check_copies([copy(7, late), copy(8, never)], max_age=900, now=NOW)
    assert summary.verdict is Verdict.GOOD
    assert (first.verdict, first.says) == (Verdict.DOUBTFUL, "account 7: 1,200 contacts, complete as of 5 h ago")
    assert second.says == "account 8: 1,200 contacts, never read to its end"
    assert len(check_copies([copy(n, late) for n in range(50)], max_age=900, now=NOW)) == 11


def test_a_first_copy_that_is_being_read_is_no_fault() -> None:
    reading = SyncState(generation=1, started_at=NOW - 60, created_at=NOW - 60)
    (found,) = check_copies([copy(1, reading)], max_age=900, now=NOW)
    assert (found.verdict, found.says) == (Verdict.GOOD, "1 account, none read to its end yet")
    assert check_copies([], max_age=900, now=NOW)[0].verdict is Verdict.GOOD


def test_programs_get_the_age_of_each_copy_in_seconds() -> None:
    assert describe_copies([copy(1, synced(90)), copy(2, SyncState())], now=NOW) == [
        {"account": 1, "contacts": 1200, "complete": True, "age_s": 90},
        {"account": 2, "contacts": 1200, "complete": False, "age_s": None},
    ]


# The issuer


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}, "its keys cannot be read (no usable key)"),
        ({"issuer": "https://another.example"}, "metadata of another issuer, or without a safe jwks_uri"),
        (None, "its keys cannot be read (status 404, status 404)"),
    ],
)
async def test_an_issuer_whose_keys_cannot_be_read_is_told_with_the_reason(page: Any, says: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/keys"):
            return httpx2.Response(200, json={"keys": []})
        return httpx2.Response(404) if page is None else httpx2.Response(200, json=page)

    (found,) = await check_issuer(OAUTH, transport=httpx2.MockTransport(answer))
    assert found.verdict is Verdict.BAD
    assert says in found.says
    assert "TELECMI_OAUTH_ISSUER" in found.advice
    assert await check_issuer(KEYS) == ()


# The public URL


def test_an_answer_that_asks_for_a_token_is_good() -> None:
    assert judge_reply(challenged("Bearer"), KEYS).verdict is Verdict.GOOD
    named = challenged(f'Bearer error="invalid_token", resource_metadata="{METADATA}"')
    assert judge_reply(named, OAUTH).verdict is Verdict.GOOD
    assert judge_reply(Reply(status=200), TeamSettings(public_url="http://localhost/mcp")).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("reply", "says", "advice"),
    [
        (challenged('Basic realm="x"'), "something other than this server asks for a sign-in", "no sign-in of its own"),
        (challenged('Bearer resource_metadata="https://x/"'), "another address for its OAuth metadata", "Restart"),
        (Reply(status=200), "answers without a key or token (200)", "add no key"),
        (Reply(status=301), "redirects (301)", "Set TELECMI_PUBLIC_URL to the address that answers itself"),
        (Reply(status=403), "refuses the request (403)", "POST"),
        (Reply(status=404), "nothing is at this path (404)", "to /mcp of the server"),
        (Reply(status=421), "the Host that arrives (421)", "proxy_set_header Host"),
        (Reply(status=502), "does not reach the server (502)", "TELECMI_HTTP"),
        (Reply(status=418), "unexpected answer (418)", "logs"),
    ],
)
def test_each_answer_that_callers_cannot_use_has_its_advice(reply: Reply, says: str, advice: str) -> None:
    found = judge_reply(reply, OAUTH)
    assert found.verdict is Verdict.BAD
    assert says in found.says
    assert advice in found.advice


@pytest.mark.parametrize("failure", Failure)
def test_each_reason_for_no_answer_has_an_advice(failure: Failure) -> None:
    found = judge_reply(Reply(failure=failure), KEYS)
    assert (found.verdict, found.says, bool(found.advice)) == (Verdict.BAD, str(failure), True)


@pytest.mark.parametrize(
    ("without", "with_key", "verdict"),
    [
        (challenged("Bearer"), challenged('Bearer error="invalid_token"'), Verdict.GOOD),
        (challenged("Bearer"), Reply(status=503), Verdict.GOOD),
        (challenged('Bearer scope="x"'), challenged('Bearer scope="x"'), Verdict.BAD),
        (challenged('Bearer error="invalid_token"'), challenged('Bearer error="invalid_token"'), Verdict.BAD),
        (challenged("Bearer"), Reply(failure=Failure.NO_ANSWER), Verdict.UNKNOWN),
    ],
)
def test_whether_authorization_arrives_is_told_by_the_servers_challenge(
    without: Reply, with_key: Reply, verdict: Verdict
) -> None:
    assert judge_authorization(without, with_key).verdict is verdict


@pytest.mark.parametrize(
    ("days", "lifetime", "verdict"),
    [(60, 90, Verdict.GOOD), (13, 90, Verdict.DOUBTFUL), (3, 6, Verdict.GOOD), (1, 6, Verdict.DOUBTFUL)],
)
def test_the_end_of_a_certificate_is_told_in_time_for_its_length(days: int, lifetime: int, verdict: Verdict) -> None:
    start = ssl.cert_time_to_seconds("Sep 21 00:00:00 2026 GMT")
    certificate = {"notBefore": "Sep 21 00:00:00 2026 GMT", "notAfter": _written(start + lifetime * DAY)}
    (found,) = judge_certificate(certificate, start + (lifetime - days) * DAY)
    assert (found.verdict, found.says) == (verdict, f"ends in {days} day{'' if days == 1 else 's'}")
    assert judge_certificate({}, NOW) == ()


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%b %d %H:%M:%S %Y GMT")


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (f'{{"resource": "{URL}", "authorization_servers": ["{ISSUER}"]}}', Verdict.GOOD),
        (f'{{"resource": "{URL}/", "authorization_servers": ["{ISSUER}"]}}', Verdict.GOOD),
        (f'{{"resource": "https://other.example", "authorization_servers": ["{ISSUER}"]}}', Verdict.BAD),
        (f'{{"resource": "{URL}", "authorization_servers": "{ISSUER}"}}', Verdict.BAD),
        (f'{{"resource": "{URL}", "authorization_servers": []}}', Verdict.BAD),
        ("[1]", Verdict.BAD),
        ("<html>", Verdict.BAD),
    ],
)
def test_the_metadata_names_this_address_and_the_issuer(body: str, verdict: Verdict) -> None:
    assert judge_metadata(Reply(status=200, body=body.encode()), OAUTH).verdict is verdict
    missing = judge_metadata(Reply(status=404), OAUTH)
    assert (missing.verdict, "/.well-known/oauth-protected-resource/mcp" in missing.advice) == (Verdict.BAD, True)


async def test_a_server_without_a_public_url_is_not_tried() -> None:
    (here,) = await check_public_url(TeamSettings())
    (unknown,) = await check_public_url(TeamSettings(callers="keys"))
    assert (here.verdict, unknown.verdict) == (Verdict.GOOD, Verdict.UNKNOWN)


# The server on this machine


def test_a_server_that_does_not_run_and_another_program_are_told_apart() -> None:
    listen = Address("127.0.0.1", 8000)
    silent = judge_silence(Reply(failure=Failure.CONNECTION_REFUSED), listen)
    other = judge_silence(Reply(status=200, body=b"<html>"), listen)
    assert (silent.says, other.says) == (
        "nothing listens at 127.0.0.1:8000",
        "another program answers at 127.0.0.1:8000",
    )


@pytest.mark.parametrize(
    ("ready", "accepted", "verdict"),
    [
        (Reply(status=200, body=b'{"telecmi": "seen"}'), Reply(status=401), Verdict.GOOD),
        (Reply(status=200, body=b'{"telecmi": "failing"}'), Reply(status=401), Verdict.DOUBTFUL),
        (Reply(status=503, body=b'{"database": "away"}'), Reply(status=401), Verdict.BAD),
        (Reply(status=200), Reply(status=421), Verdict.BAD),
        (Reply(status=200), Reply(status=403), Verdict.BAD),
    ],
)
def test_a_server_that_runs_is_judged_by_its_state_and_by_the_host_that_it_takes(
    ready: Reply, accepted: Reply, verdict: Verdict
) -> None:
    assert judge_server(ready, accepted).verdict is verdict


async def test_a_server_on_any_free_port_is_not_tried() -> None:
    assert (await check_server(TeamSettings(listen=Address("127.0.0.1", 0)))).verdict is Verdict.UNKNOWN


# What it signs in with


async def test_a_service_without_a_sign_in_or_with_an_unreadable_file_is_something_to_do(tmp_path: Path) -> None:
    none = await check_credentials(TeamSettings(), tmp_path)
    assert (none.verdict, "TELECMI_PASSWORD_FILE" in none.advice) == (Verdict.BAD, True)
    token_file = TeamSettings(common=Settings(token_file=tmp_path / "token"))
    missing = await check_credentials(token_file, tmp_path)
    assert (missing.verdict, missing.advice) == (Verdict.BAD, "Correct TELECMI_TOKEN_FILE.")
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text("a-token\n", encoding="utf8")
    assert (await check_credentials(token_file, tmp_path)).verdict is Verdict.GOOD


async def test_encryption_keys_that_are_none_are_something_to_do(tmp_path: Path) -> None:
    path = tmp_path / "encryption_keys"
    settings = TeamSettings(sign_ins="callers", encryption_keys_file=path)
    assert (await check_credentials(settings, tmp_path)).says.startswith("the file that it names cannot be read")
    path.touch(0o600)
    path.write_text("x\n", encoding="utf8")
    assert (await check_credentials(settings, tmp_path)).verdict is Verdict.BAD


# All of it


async def test_a_check_that_hangs_ends_at_its_time_limit_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: TeamSettings) -> tuple[CheckResult, ...]:
        await anyio.sleep_forever()
        return ()

    monkeypatch.setattr(run, "check_telecmi", hang)
    settings = TeamSettings(listen=Address("127.0.0.1", 0))
    with anyio.fail_after(SILENCE_S / 4):
        results = await run.run_checks(settings, tmp_path, time_limit=0.2)
    assert [each.about for each in results.findings] == ["Database", "Server", "Public URL", "TeleCMI user", "TeleCMI"]
    assert results.findings[-1].says == "no result within 0.2 s"
    assert results.findings[0].verdict is Verdict.GOOD
