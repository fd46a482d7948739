"""``telecmi-mcp team sign-in`` and its kin: what they say, what they keep, and what they keep to themselves."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from secret_encodings import encodings_of

from e2e.lines import environment
from e2e.telecmi import Telecmi, opened_telecmi
from team.postgres import PASSWORD as DATABASE_PASSWORD
from telecmi_mcp._cli import main
from telecmi_mcp._config.keys import new_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import SecretStr

    from team.postgres import Cluster

USER = "103_1111112"
PASSWORD = "pass word/ä+sings=in.the.mine-5Kq1"
TOKENS = ["first/token+sings=8Zx3-Wd7f", "second/token+sings=4Lm9-Pq2v"]
OLD, NEW = new_key(), new_key()


class Office:
    """Whoever runs the server, with the commands in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def set(self, **variables: str) -> None:
        """Set variables of the environment."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def run(self, *words: str, given: str = "", code: int = 0) -> str:
        """Run a command to its end, and return what it said, in which no secret is."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(given))
        ended = main(["team", *words])
        said = "".join(self._capsys.readouterr())
        assert ended == code, said
        for secret in (PASSWORD, *TOKENS, OLD, NEW, DATABASE_PASSWORD):
            assert not [song for song in encodings_of(secret) if song in said]
        return said


@pytest.fixture
def telecmi() -> Iterator[Telecmi]:
    with opened_telecmi(USER, PASSWORD, *TOKENS) as opened:
        yield opened


@pytest.fixture
def office(
    database_url: SecretStr, telecmi: Telecmi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Office:
    office = Office(monkeypatch, capsys)
    office.set(TELECMI_DATABASE_URL=database_url.get_secret_value(), TELECMI_BASE_URL=telecmi.url)
    office.set(TELECMI_ENCRYPTION_KEYS=OLD)
    return office


def test_a_caller_is_signed_in_listed_encrypted_anew_and_signed_out(
    office: Office, cluster: Cluster, database_url: SecretStr
) -> None:
    words = ("--user-id", USER, "--organisation", "Sales")
    said = office.run("sign-in", "ann", *words, "--password-stdin", given=f"{PASSWORD}\n")
    assert f"ann reads the contacts of organisation Sales, by user {USER}" in said
    assert "The server renews the token." in said
    said = office.run("sign-in", "bot", "--user-id", "103_2222", "--token", given=f"{TOKENS[1]}\n")
    assert "The token is not renewed" in said
    office.set(TELECMI_ENCRYPTION_KEYS="")
    listed = office.run("list").splitlines()
    assert [line.split()[:4] for line in listed[1:]] == [["ann", USER, "Sales", "yes"], ["bot", "103_2222", "-", "no"]]
    office.set(TELECMI_ENCRYPTION_KEYS=f"{NEW},{OLD}")
    assert "2 sign-ins re-encrypted" in office.run("rekey")
    office.set(TELECMI_ENCRYPTION_KEYS=NEW)
    assert "0 sign-ins re-encrypted" in office.run("rekey")
    dump = cluster.dump(database_url.get_secret_value().rpartition("/")[2])
    assert not [song for secret in (PASSWORD, *TOKENS, OLD, NEW) for song in encodings_of(secret) if song in dump]
    assert "Removed." in office.run("sign-out", "ann")
    assert "Nothing is stored" in office.run("sign-out", "ann")
    assert "ann" not in office.run("list")


def test_a_refused_password_is_reported_and_keeps_nothing(
    office: Office, cluster: Cluster, database_url: SecretStr
) -> None:
    said = office.run("sign-in", "ann", "--user-id", USER, "--password-stdin", given="wrong-one-sings\n", code=4)
    assert "TeleCMI rejected them" in said
    assert "ann" not in office.run("list")
    dump = cluster.dump(database_url.get_secret_value().rpartition("/")[2])
    assert USER in dump
    assert "wrong-one-sings" not in dump


@pytest.mark.parametrize(
    ("words", "sentence", "more"),
    [
        (["sign-in", "ann", "--user-id", USER], "Set TELECMI_ENCRYPTION_KEYS to what", {"TELECMI_ENCRYPTION_KEYS": ""}),
        (["sign-in", "ann", "--user-id", USER], "Correct TELECMI_ENCRYPTION_KEYS", {"TELECMI_ENCRYPTION_KEYS": "x"}),
        (["sign-in", "ann"], "Pass --user-id", {"TELECMI_USER_ID": "of-the-service", "TELECMI_PASSWORD": "service"}),
        (["sign-in", " ann", "--user-id", USER], "Correct NAME", {}),
        (["sign-in", "ann", "--user-id", USER, "--organisation", "a\nb"], "Correct --organisation", {}),
        (["sign-in", "ann", "--user-id", USER, "--token"], "Enter the token on one line", {}),
    ],
)
def test_what_is_missing_is_reported_before_anything_is_sent(
    office: Office, telecmi: Telecmi, words: list[str], sentence: str, more: dict[str, str]
) -> None:
    office.set(**more)
    assert sentence in office.run(*words, code=2)
    assert not telecmi.passwords


def test_a_new_key_is_one_that_can_be_used(tmp_path: Path, office: Office) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "telecmi_mcp", "team", "new-key"], capture_output=True, check=True, env=environment()
    )
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    path.write_bytes(done.stdout)
    office.set(TELECMI_ENCRYPTION_KEYS="", TELECMI_ENCRYPTION_KEYS_FILE=str(path))
    assert "0 sign-ins" in office.run("rekey")
