"""Sources that cannot renew a token, the age of a token, and the notice before its end."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import SecretStr

from conftest import SIGNED_IN
from sign_in import DAY, HERE, KEPT, WITH_PASSWORD, SignInSetup
from telecmi_mcp import Settings, errors
from telecmi_mcp._api.token_source import TokenInfo
from telecmi_mcp._auth.token_sources import TokenFile, read_password, replace_hint
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="a file has no mode there")


def secret_file(folder: Path, text: str | bytes = SANDBOX_TOKEN, mode: int = 0o600) -> Path:
    path = folder / "a secret"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def from_file(path: Path) -> Settings:
    return Settings(base_url=HERE, token_file=path)


@pytest.mark.parametrize("text", [SANDBOX_TOKEN, f"{SANDBOX_TOKEN}\n", f"\ufeff{SANDBOX_TOKEN}\r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400])
async def test_a_token_is_read_from_a_private_file(tmp_path: Path, text: str, mode: int) -> None:
    async with SignInSetup(None).app(from_file(secret_file(tmp_path, text, mode))) as app:
        assert (await app.client.list_contacts()).contacts


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o601])
async def test_a_file_that_other_users_can_access_is_rejected_with_the_chmod_command(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, mode=mode)
    async with SignInSetup(None).app(from_file(path)) as app:
        with pytest.raises(errors.ConfigurationError) as caught:
            await app.client.list_contacts()
        sentence = str(caught.value)
        assert sentence == f"Run chmod 600 '{path}': other users can read this file, which TELECMI_TOKEN_FILE names."
        command = sentence.removeprefix("Run ").partition(": ")[0]
        assert (await anyio.run_process(command)).returncode == 0  # by a shell, because the test is about the command
        assert (await app.client.list_contacts()).contacts


@posix
async def test_a_long_path_is_not_shown_in_the_error(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    async with SignInSetup(None).app(from_file(secret_file(folder, mode=0o644))) as app:
        with pytest.raises(errors.ConfigurationError, match="chmod 600 on a secret") as caught:
            await app.client.list_contacts()
    assert len(str(caught.value)) <= 200


@pytest.mark.parametrize("text", ["", "\n", "two words", "a\nb", "x" * 5000, b"\xff\xfe"])
async def test_a_malformed_token_file_is_rejected_without_showing_its_content(tmp_path: Path, text: Any) -> None:
    async with SignInSetup(None).app(from_file(secret_file(tmp_path, text))) as app:
        with pytest.raises(errors.ConfigurationError, match="TELECMI_TOKEN_FILE") as caught:
            await app.client.list_contacts()
    assert "words" not in str(caught.value)


@posix
async def test_a_missing_or_irregular_token_file_is_an_error_and_no_other_source_is_tried(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path / "state")
    await setup.keep(SecretStr(SANDBOX_TOKEN))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    for path in [tmp_path / "hunter2", tmp_path, fifo]:
        async with setup.app(from_file(path)) as app:
            with pytest.raises(errors.ConfigurationError, match="TELECMI_TOKEN_FILE") as caught:
                await app.client.list_contacts()
        assert "hunter2" not in str(caught.value)


async def test_a_new_token_in_the_file_is_used_after_the_first_is_rejected(tmp_path: Path) -> None:
    path = secret_file(tmp_path, "expired")
    async with SignInSetup(None).app(from_file(path)) as app:
        with pytest.raises(errors.TokenRejected, match="the file of TELECMI_TOKEN_FILE"):
            await app.client.list_contacts()
        path.write_text(SANDBOX_TOKEN)
        assert (await app.client.list_contacts()).contacts


async def test_a_token_of_a_file_is_hidden_and_only_another_one_replaces_it(tmp_path: Path) -> None:
    path, secrets = secret_file(tmp_path, "first-token"), KnownSecrets()
    source = TokenFile(path, secrets)
    first = await source.current()
    assert secrets.hide("<first-token>") == "<[removed]>"
    assert await source.renew(first) is None
    path.write_text("second-token")
    assert await source.renew(first) == SecretStr("second-token")
    assert secrets.hide("<second-token>") == "<[removed]>"


def test_a_rejected_token_of_a_file_keeps_its_status_and_detail(tmp_path: Path) -> None:
    explained = TokenFile(tmp_path, KnownSecrets()).explain(errors.TokenRejected(403, detail="seen"))
    assert (explained.status, explained.detail) == (403, "seen")
    assert explained.hint == "The user must put a new TeleCMI token into the file of TELECMI_TOKEN_FILE"


@pytest.mark.parametrize(("text", "password"), [("X X\n", "X X"), (" blank \r\n", " blank "), ("\ufeffä", "ä")])
async def test_a_password_file_loses_its_line_end_and_nothing_else(tmp_path: Path, text: str, password: str) -> None:
    assert (await read_password(secret_file(tmp_path, text))).get_secret_value() == password


@pytest.mark.parametrize(
    ("variable", "what"), [("TELECMI_TOKEN_FILE", "a token"), ("TELECMI_PASSWORD_FILE", "a password")]
)
async def test_an_unusable_secret_file_is_named_by_its_variable(tmp_path: Path, variable: str, what: str) -> None:
    async def read(path: Path) -> object:
        return await (read_password(path) if what == "a password" else TokenFile(path, KnownSecrets()).current())

    with pytest.raises(errors.ConfigurationError) as missing:
        await read(tmp_path / "nowhere")
    assert str(missing.value) == f"Correct {variable}: the file that it names cannot be read."
    assert missing.value.detail == "FileNotFoundError"
    with pytest.raises(errors.ConfigurationError) as malformed:
        await read(secret_file(tmp_path, "a\nb"))
    assert str(malformed.value) == f"Correct {variable}: the file must hold {what} and nothing else."


def test_only_a_rejected_password_or_token_gets_another_hint() -> None:
    password = replace_hint(errors.PasswordRejected(detail="seen"), password="Change it", token="Renew it")
    assert (type(password), password.hint, password.detail) == (errors.PasswordRejected, "Change it", "seen")
    token = replace_hint(errors.TokenRejected(403, detail="seen"), password="Change it", token="Renew it")
    assert isinstance(token, errors.TokenRejected)
    assert (token.status, token.hint, token.detail) == (403, "Renew it", "seen")
    other = errors.Unavailable()
    assert replace_hint(other, password="Change it", token="Renew it") is other


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        (SIGNED_IN, "TELECMI_TOKEN"),
        (WITH_PASSWORD, "TELECMI_USER_ID with TELECMI_PASSWORD"),
        (KEPT, "telecmi-mcp login, in a file of mode 0600"),
        (replace(SIGNED_IN, user_id="9_9"), "TELECMI_TOKEN"),
    ],
)
async def test_an_explicit_source_precedes_a_saved_sign_in(tmp_path: Path, settings: Settings, source: str) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr(SANDBOX_TOKEN))
    async with setup.app(settings) as app:
        await app.client.list_contacts()
        assert app.tokens.origin.source == source


async def test_the_last_or_the_named_saved_sign_in_is_used(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="1_1")
    await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="2_2")
    await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="3_3", base_url="https://other.example")
    for settings, user_id in [(KEPT, "2_2"), (replace(KEPT, user_id="1_1"), "1_1")]:
        async with setup.app(settings) as app:
            await app.client.list_contacts()
            assert app.tokens.origin.user_id == user_id
    async with setup.app(replace(KEPT, user_id="3_3")) as app:
        with pytest.raises(errors.NotSignedIn):
            await app.client.list_contacts()


@pytest.mark.parametrize(
    ("age", "words"),
    [(24.9, ""), (25, "in about 5 days"), (28.5, "in about 2 days"), (29, "in about 1 day"), (30, "about now")],
)
def test_a_notice_comes_five_days_before_the_end(age: float, words: str) -> None:
    origin = TokenInfo("a store", issued_at=1e9)
    notice = origin.notice(1e9 + age * DAY)
    sentence = f"The TeleCMI sign-in ends {words}: the user should run telecmi-mcp login in a terminal."
    assert notice == (sentence if words else "")
    assert len(notice) < 120


def test_no_notice_for_a_renewable_token_or_an_unknown_age() -> None:
    assert TokenInfo("a store", issued_at=1e9, renewal=True).notice(1e9 + 29 * DAY) == ""
    assert TokenInfo("TELECMI_TOKEN").notice(1e9) == ""


def test_an_age_is_never_negative() -> None:
    assert TokenInfo("a store", issued_at=1e9).age_days(0) == 0


ARGUMENTS = {
    "search_contacts": {"query": "John Doe"},
    "get_contact": {"contact_id": "d3b07384-d113-4ec5-a5ae-be81d6e3c239"},
    "lookup_contacts": {"queries": ["John Doe"]},
}


@pytest.mark.parametrize(("tool", "arguments"), [(tool, ARGUMENTS.get(tool.name, {})) for tool in TOOLS])
async def test_every_tool_shows_the_notice(tmp_path: Path, tool: Any, arguments: dict[str, str]) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr(SANDBOX_TOKEN), password=None, age_days=24)
    async with setup.app(KEPT) as app:
        assert "sign-in" not in (await tool.call(app, arguments)).data.get("notice", "")
        setup.clock.now += DAY
        assert "The TeleCMI sign-in ends in about 5 days" in (await tool.call(app, arguments)).data["notice"]


def test_every_form_of_a_known_secret_is_hidden() -> None:
    known = KnownSecrets()
    known.add(SecretStr('p"ä/?+='), None)
    for form in ['p"ä/?+=', 'p\\"\\u00e4/?+=', "p%22%C3%A4%2F%3F%2B%3D", "cCLDpC8/Kz0", "cCLDpC8_Kz0"]:
        assert known.hide(f"<{form}>") == "<[removed]>"
