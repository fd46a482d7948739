"""``telecmi-mcp team key`` with limits, two keys, and a database of an older version, as a process."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from e2e.lines import PATIENCE, environment
from telecmi_mcp._team.auth.access_keys import hash_of
from telecmi_mcp._team.auth.key_records import key_id_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from telecmi_mcp._team.db.database import Database

HEADER = ["name", "key", "created", "last used", "end", "tools", "mask", "options"]


def key_command(url: SecretStr, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "telecmi_mcp", "team", "key", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(PYTHONUTF8="1", TELECMI_DATABASE_URL=url.get_secret_value()),
    )


def done(url: SecretStr, *words: str) -> str:
    """What a command that must succeed prints."""
    result = key_command(url, *words)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def listed(url: SecretStr) -> list[dict[str, str]]:
    rows = [re.split(r" {2,}", line) for line in done(url, "list").splitlines()]
    assert rows[0] == HEADER
    return [dict(zip(HEADER, row, strict=True)) for row in rows[1:]]


def test_a_key_is_made_with_limits_rotated_and_revoked(database_url: SecretStr) -> None:
    limits = ["--expires", "10d", "--tools", "get_contact,search_contacts", "--mask", "email_id,phone_no"]
    first = done(database_url, "add", "amal", *limits, "--lookup-masked")
    (row,) = listed(database_url)
    assert (row["name"], row["key"]) == ("amal", key_id_of(hash_of(first)))
    assert (row["tools"], row["mask"], row["options"]) == (
        "search_contacts,get_contact",
        "phone_no,email_id",
        "lookup:masked",
    )
    assert re.fullmatch(r"20\S+ \(in 9 days\)", row["end"])

    rotated = key_command(database_url, "rotate", "amal", "--expires", "90d", "--grace", "30m")
    assert rotated.returncode == 0, rotated.stderr
    second = rotated.stdout.strip()
    assert re.fullmatch(r"tmk_\S{43}", second)
    assert f"The key {row['key']} ends after 30m at the latest." in rotated.stderr
    older, newer = listed(database_url)
    assert older["end"].endswith("(in less than a day)")
    assert "(" not in newer["end"]
    assert all(older[name] == newer[name] for name in ("name", "tools", "mask", "options"))

    third = key_command(database_url, "rotate", "amal")
    assert (third.returncode, third.stdout) == (1, "")
    assert "this caller has two valid keys" in third.stderr
    done(database_url, "revoke", "amal", "--key", older["key"])
    ends = {each["key"]: each["end"] for each in listed(database_url)}
    assert ends[older["key"]].startswith("revoked")
    assert not ends[newer["key"]].startswith("revoked")
    everything = done(database_url, "list")
    assert first not in everything
    assert second not in everything


def test_a_rotated_key_can_be_without_grace_and_without_an_end(database_url: SecretStr) -> None:
    done(database_url, "add", "amal", "--expires", "24h")
    rotated = key_command(database_url, "rotate", "amal", "--grace", "0", "--expires", "never")
    assert "has ended: every running server rejects it within 30 seconds" in rotated.stderr
    assert [row["end"].split()[0] for row in listed(database_url)] == ["ended", "-"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["add", "x", "--expires", "90"],
            "Correct --expires: use a duration such as 90d, 24h or 30m, of at most 3650d.",
        ),
        (["add", "x", "--expires", "0d"], "Correct --expires: "),
        (["add", "x", "--expires", "-1d"], "expected one argument"),
        (["add", "x", "--expires", "9999999d"], "Correct --expires: "),
        (["add", "x", "--expires", "1.5h"], "Correct --expires: "),
        (["add", "x", "--expires", "\u0661d"], "Correct --expires: "),
        (["add", "x", "--expires", "never"], "Correct --expires: "),
        (["add", "x", "--expires", ""], "Correct --expires: "),
        (["rotate", "x", "--grace", "soon"], "Correct --grace: use a duration such as 90d, 24h or 30m"),
        (["add", "x", "--tools", "get_contact,no_tool"], "Correct --tools: use some of search_contacts,"),
        (["add", "x", "--tools", ""], "Correct --tools: "),
        (["add", "x", "--mask", "contact_id"], "Correct --mask: use some of phone_no,email_id."),
    ],
)
def test_a_bad_value_is_one_clear_line_and_changes_nothing(
    words: list[str], sentence: str, database_url: SecretStr
) -> None:
    refused = key_command(database_url, *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1 or "usage" in refused.stderr
    with psycopg.connect(database_url.get_secret_value()) as connection:
        assert connection.execute("SELECT to_regclass('telecmi_mcp.access_key')").fetchone() == (None,)


@pytest.mark.parametrize("words", [["key", "list"], ["list"]])
def test_a_command_that_only_reads_never_migrates(words: list[str], database_url: SecretStr) -> None:
    env = environment(PYTHONUTF8="1", TELECMI_DATABASE_URL=database_url.get_secret_value())
    command = [sys.executable, "-m", "telecmi_mcp", "team", *words]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=env)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "telecmi-mcp: Run telecmi-mcp team migrate, or start a server of this version: "
        "the database has the schema of an older version.\n"
    )
    with psycopg.connect(database_url.get_secret_value()) as connection:
        assert connection.execute("SELECT to_regnamespace('telecmi_mcp')").fetchone() == (None,)


def test_the_list_says_what_to_do_if_one_migration_is_missing(database: Database, database_url: SecretStr) -> None:
    with database.connection() as connection:
        connection.execute("DROP VIEW telecmi_mcp.issued_key")
        connection.execute("DROP TABLE telecmi_mcp.limited_key")
        connection.execute("DELETE FROM telecmi_mcp.migration WHERE number = 8")
    refused = key_command(database_url, "list")
    assert (refused.returncode, "Run telecmi-mcp team migrate" in refused.stderr) == (1, True)
    with database.connection() as connection:
        assert connection.execute("SELECT to_regclass('telecmi_mcp.limited_key')").fetchone() == (None,)


def test_keys_that_end_soon_are_announced_by_the_list(database_url: SecretStr) -> None:
    done(database_url, "add", "amal", "--expires", "15d")
    assert "end soon" not in key_command(database_url, "list").stderr
    done(database_url, "add", "arun", "--expires", "13d")
    assert (
        "Some keys end soon. Replace each: telecmi-mcp team key rotate NAME" in key_command(database_url, "list").stderr
    )
