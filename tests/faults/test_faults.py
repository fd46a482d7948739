"""Every fault of the table, played on a real socket to the real client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

import anyio
import pytest
from pydantic import SecretStr

from faults import FAULTS
from faults.document import DOCUMENT, documented
from faults.fault import PAGE, Fault
from faults.plays import CONTACT_ID, CURSOR, GOOD, MARK, TOKEN, verdict
from faults.server import FaultServer
from faults.stage import Stage, chain, client_of, quotes, words_of
from telecmi_mcp._api.client import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp.errors import TelecmiError, TokenRejected

if TYPE_CHECKING:
    from telecmi_mcp._models import Contact, ContactPage

pytestmark = pytest.mark.own_time

_WORK = 0.1  # ten thousand turns of the loop
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
passing = [
    fault
    for fault in FAULTS
    if isinstance(fault.outcome, TelecmiError)
    and fault.outcome.retries
    and len(fault.script) == 1
    and fault.tries > 1
    and fault.calls == 1
    and not (fault.deaf or fault.tls)
]


@every_fault
async def test_a_fault_ends_as_the_table_says(fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="telecmi_mcp")
    stage = await Stage.open(fault)
    started_at = anyio.current_time()
    try:
        met = await _meet(stage, fault)
        assert anyio.current_time() - started_at <= fault.timeout + _WORK
        _expect(fault, met)
        _expect_tries(fault, stage)
        if isinstance(met, TelecmiError):
            _expect_our_words(met, bytes(stage.server.sent))
        if fault.connections is not None:
            await stage.settle()
        if not fault.tls:  # its server has no certificate for a good answer
            assert await stage.heal() == PAGE, "the next call works"
        assert stage.trap.connections == 0, "no redirect is followed"
        assert TOKEN not in caplog.text
    finally:
        await stage.close()


async def _meet(stage: Stage, fault: Fault) -> Contact | ContactPage | TelecmiError | None:
    try:
        return await stage.run(fault)
    except TelecmiError as error:
        return error


def _expect(fault: Fault, met: Contact | ContactPage | TelecmiError | None) -> None:
    if not isinstance(fault.outcome, TelecmiError):
        assert met == fault.outcome
        return
    assert isinstance(met, TelecmiError), met
    assert (type(met), str(met)) == (type(fault.outcome), str(fault.outcome))


def _expect_tries(fault: Fault, stage: Stage) -> None:
    assert (len(stage.pauses) + 1 if fault.deaf else stage.server.tries) == fault.tries
    assert fault.connections is None or stage.server.connections == fault.connections
    assert fault.pauses is None or tuple(stage.pauses) == fault.pauses


def _expect_our_words(met: TelecmiError, sent: bytes) -> None:
    sentence = str(met)
    assert len(sentence) <= 200
    assert sentence.isprintable()
    assert not [secret for secret in (TOKEN, TOKEN[-8:], MARK, CURSOR) if secret in sentence]
    assert not quotes(sentence.replace(CONTACT_ID, ""), sent)
    assert not [error for error in chain(met) if TOKEN in words_of(error)]


@pytest.mark.parametrize("fault", passing, ids=[fault.name for fault in passing])
async def test_a_fault_that_does_not_last_is_not_noticed(fault: Fault) -> None:
    stage = await Stage.open(fault)
    try:
        stage.server.script = (*fault.script, GOOD)
        if fault.contact_id is None:
            assert await stage.run(fault) == PAGE
            assert stage.server.tries == 2
    finally:
        await stage.close()


class _Renewing(FixedToken):
    """A source that has one more token."""

    refused: ClassVar[list[str]]

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        self.refused.append(refused.get_secret_value())
        return SecretStr("tok-fresh")


@pytest.mark.parametrize("status", [401, 403, 404, 407])
@pytest.mark.parametrize("then", [GOOD, None], ids=["accepted", "refused"])
async def test_a_refused_token_is_renewed_once(status: int, then: object) -> None:
    server = FaultServer((verdict(status), GOOD if then else verdict(status)))
    await server.listen()
    source = _Renewing(SecretStr(TOKEN))
    _Renewing.refused = []
    client = TelecmiClient(Channel(server.url), source)
    try:
        with anyio.fail_after(20):
            if then:
                assert await client.list_contacts() == PAGE
            else:
                with pytest.raises(TokenRejected):
                    await client.list_contacts()
    finally:
        await client.aclose()
        await server.close()
    assert source.refused == [TOKEN]
    assert [asked["token"] for asked in server.asked] == [TOKEN, "tok-fresh"]


async def test_no_call_makes_more_than_one_request_at_a_time_to_a_healthy_telecmi() -> None:
    server = FaultServer((GOOD,))
    await server.listen()
    pauses: list[float] = []
    client = client_of(server.url, pauses, timeout=10)
    try:
        with anyio.fail_after(20):
            for _ in range(3):
                assert await client.list_contacts() == PAGE
    finally:
        await client.aclose()
        await server.close()
    assert (server.tries, server.connections, pauses) == (3, 1, [])


def test_there_are_at_least_45_faults_and_no_two_have_one_name() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(names) >= 45
    assert len(set(names)) == len(names)


def test_the_documentation_says_what_the_table_says() -> None:
    assert documented() in DOCUMENT.read_text(encoding="utf-8"), "run: python -m tests.faults"
