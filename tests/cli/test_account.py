"""Tests that login says what overrules it, that logout claims only what it did, and that check names one cause."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import SecretStr

from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._auth.resolve import open_saved_sign_ins
from telecmi_mcp._cli import main
from telecmi_mcp._index.account_directory import name_owner
from telecmi_mcp._index.location import FileLocation
from telecmi_mcp._models import Contact, SignedIn

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]

NOWHERE = "http://127.0.0.1:9"
ANN = Account(NOWHERE, "103_1")
BOB = Account(NOWHERE, "103_2")
USED = "Every telecmi-mcp of this user reads it there; none needs TELECMI_TOKEN."
OVERRULED = "TELECMI_TOKEN, set here, overrules every sign-in: a server that has it too does not use this one."


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Give the commands a state folder of their own, and no setting but the base URL."""
    assert not cache.exists()
    for variable in ("TELECMI_TOKEN", "TELECMI_USER_ID", "TELECMI_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TELECMI_BASE_URL", NOWHERE)
    folder = tmp_path / "state"
    monkeypatch.setattr("telecmi_mcp._private_files.state_folder", lambda: folder)
    return folder


def keep(state: Path, account: Account, *, password: str | None = None) -> None:
    """Store a sign-in as login does."""
    secret = None if password is None else SecretStr(password)
    credentials = Credentials(account, SecretStr("t"), 1.0, password=secret, store="file")
    anyio.run(open_saved_sign_ins(state, time_limit=5).keep, credentials)


def log_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run login up to the request, which TeleCMI accepts."""

    async def sign_in(_: object, account: Account, __: object, ___: object) -> tuple[Credentials, SignedIn]:
        return Credentials(account, SecretStr("t"), 1.0, store="file"), SignedIn(SecretStr("t"), "Ann")

    monkeypatch.setattr("telecmi_mcp._cli.account.login._sign_in", sign_in)
    monkeypatch.setattr(sys, "stdin", io.StringIO("secret\n"))
    return main(["login", "--store", "file", "--password-stdin", *words])


def test_a_sign_in_that_every_server_uses_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert log_in(monkeypatch, "--user-id", "103_1") == 0
    out, said = capsys.readouterr()
    assert (out.splitlines()[-1], said) == (USED, "")


def test_a_sign_in_that_a_token_overrules_says_so_before_and_after(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("TELECMI_TOKEN", "hunter2")
    assert log_in(monkeypatch, "--user-id", "103_1") == 0
    out, said = capsys.readouterr()
    assert said == f"Note: {OVERRULED}\n"
    assert out.splitlines()[-1] == OVERRULED


@pytest.mark.parametrize(
    ("words", "user_id", "flags"),
    [
        (["--user-id", "103_1", "--base-url", "https://other.example"], "", "--user-id 103_1 --base-url https://other.example"),
        (["--user-id", "103_1"], "103_2", "--user-id 103_1"),
    ],
)  # fmt: skip
def test_a_sign_in_that_a_server_finds_only_with_flags_says_which(
    words: list[str], user_id: str, flags: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("TELECMI_USER_ID", user_id)
    assert log_in(monkeypatch, *words) == 0
    last = f"A server needs the same flags: run telecmi-mcp install CLIENT {flags}."
    assert capsys.readouterr().out.splitlines()[-1] == last


@pytest.mark.parametrize(
    ("password", "has_index", "things"),
    [
        (None, False, "the token"),
        ("secret", False, "the token and the password"),
        (None, True, "the token and the index"),
        ("secret", True, "the token, the password and the index"),
    ],
)
def test_logout_claims_what_it_removed(
    password: str | None, things: str, state: Path, cache: Path, capsys: Capture, *, has_index: bool
) -> None:
    keep(state, ANN, password=password)
    if has_index:
        location = FileLocation(cache, name_owner(NOWHERE, ANN.user_id))
        location.take().upsert([Contact(contact_id="7")], generation=1, state={})
        location.close()
    assert main(["logout"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"Removed {things} of 103_1 at {NOWHERE}."
    assert second.startswith("TeleCMI documents no way to revoke a token")
    assert main(["logout"]) == 0
    assert capsys.readouterr().out == f"Nothing is stored for any user at {NOWHERE}.\n"


def test_logout_of_a_sign_in_whose_secrets_are_gone_claims_no_token(state: Path, capsys: Capture) -> None:
    keep(state, ANN)
    (state / "secrets.json").unlink()
    assert main(["logout"]) == 0
    assert capsys.readouterr().out == f"Removed the sign-in of 103_1 at {NOWHERE}.\n"


def test_logout_says_who_is_signed_in_still(state: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(state, ANN)
    keep(state, BOB)
    main(["logout"])
    assert capsys.readouterr().out.endswith("103_1 is signed in too, and is the one who is used now.\n")
    monkeypatch.setenv("TELECMI_TOKEN", "hunter2")
    main(["logout"])
    assert capsys.readouterr().out.endswith("TELECMI_TOKEN, set here, still signs in.\n")


def check(capsys: Capture, *words: str) -> dict[str, Any]:
    main(["check", "--json", *words])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_check_shows_the_flags_that_were_given(capsys: Capture) -> None:
    report = check(capsys, "--timeout", "5")
    (settings,) = (finding["says"] for finding in report["findings"] if finding["about"] == "Settings")
    assert settings == "TELECMI_BASE_URL, --timeout"


def test_check_finds_a_secret_in_a_flag(capsys: Capture) -> None:
    report = check(capsys, "--user-id", "hunter2-hunter2-hunter2-hunter2")
    assert report["next"].startswith("Move it to TELECMI_TOKEN")


def test_the_advice_of_check_has_the_flags_that_were_given(capsys: Capture) -> None:
    report = check(capsys, "--base-url", "http://127.0.0.1:8", "--user-id", "103 1".replace(" ", "_"))
    assert report["next"] == (
        "Run telecmi-mcp login --user-id 103_1 --base-url http://127.0.0.1:8, or set TELECMI_TOKEN."
    )
