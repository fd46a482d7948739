"""What ``team setup`` writes: the settings file as sh and systemd read it, the database's address, and the unit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from telecmi_mcp._config.settings import Settings
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.config.variables import Address
from telecmi_mcp._team.setup.database_address import parse_database_address, passfile_content
from telecmi_mcp._team.setup.plan import make_plan
from telecmi_mcp._team.setup.settings_file import format_settings, parse_settings, read_settings
from telecmi_mcp._team.setup.systemd_unit import NAME, format_unit
from telecmi_mcp.errors import ConfigurationError

AWKWARD = {
    "A": 'a "b" $HOME `id` 100% \\x \\" it\'s # ; end ä',
    "B": "plain",
    "C": "\\",
    "D": '"',
    "E": "$$ %n %% ${A} %%",
    "F": "'",
    "G": "a=b",
}
SPACED = {**AWKWARD, "H": "  spaces  "}
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="the file is for sh and systemd")
SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
PASSWORD = "pg:secret\\5e7c"


# The settings file


def test_values_are_read_as_they_were_written() -> None:
    assert parse_settings(format_settings(SPACED).decode()) == SPACED


@POSIX
def test_sh_reads_the_same_values_and_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "settings.env"
    path.write_bytes(format_settings(SPACED))
    script = 'set -a; . "$0"; set +a; exec env -0'
    words = ["/bin/sh", "-euc", script, str(path)]
    done = subprocess.run(words, capture_output=True, check=True, env={"PATH": os.defpath})
    read = dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)
    assert {name: read[name] for name in SPACED} == SPACED


@SYSTEMD
@pytest.mark.parametrize("name", AWKWARD)
def test_systemd_reads_the_same_values(tmp_path: Path, name: str) -> None:
    """Its parser of environment files reads os-release too, whose values a condition can compare."""
    path = tmp_path / "settings.env"
    path.write_bytes(format_settings(AWKWARD))

    def holds(value: str) -> bool:
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
        words = ["systemd-analyze", "condition", f'ConditionOSRelease="{name}={quoted}"']
        env = {**os.environ, "SYSTEMD_OS_RELEASE": str(path)}
        return subprocess.run(words, env=env, capture_output=True, check=False).returncode == 0

    assert holds(AWKWARD[name])
    assert not holds(f"{AWKWARD[name]}x")


@pytest.mark.parametrize("value", ["a\nb", "a\r", "a\0b", "a\x1b[31m", "a\u2028b", "a\udc80"])
def test_a_value_with_a_line_break_or_a_control_character_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        format_settings({"TELECMI_AUDIENCE": value})
    assert str(caught.value) == (
        "Correct TELECMI_AUDIENCE: a settings file holds no line breaks and no other control characters."
    )


def test_a_file_that_people_wrote_is_read_in_the_forms_that_sh_and_systemd_share() -> None:
    text = "# a comment\n\nA=plain\n  B='single $x' \nC=\"double \\$x\"\nD=\n"
    assert parse_settings(text) == {"A": "plain", "B": "single $x", "C": "double $x", "D": ""}


@pytest.mark.parametrize("line", ["A = b", "export A=b", "A=two words", "A=$HOME", 'A="open', "A='a'b", "A=a#b", "1=a"])
def test_a_line_that_they_read_differently_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(ConfigurationError, match="Correct line 2 of the settings file"):
        parse_settings(f"GOOD=1\n{line}\n")


@POSIX
def test_a_settings_file_that_others_can_read_is_refused_with_the_command(tmp_path: Path) -> None:
    path = tmp_path / "settings.env"
    with pytest.raises(ConfigurationError, match="the settings file cannot be read"):
        read_settings(path)
    path.write_text("A=b\n", encoding="utf8")
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_settings(path)


# The address of the database


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"postgresql://team:{PASSWORD}@db.example/telecmi", "postgresql://team@db.example/telecmi"),
        (f"postgres://team:{PASSWORD}@one.example:1,two.example:2/t", "postgres://team@one.example:1,two.example:2/t"),
        (
            f"postgresql://team@db/t?sslmode=require&password={PASSWORD}&application_name=a%20b",
            "postgresql://team@db/t?sslmode=require&application_name=a%20b",
        ),
        (f"postgresql:///telecmi?password={PASSWORD}", "postgresql:///telecmi"),
        (f"postgresql://t%40m:{PASSWORD}@[::1]:5432/%C3%A4", "postgresql://t%40m@[::1]:5432/%C3%A4"),
    ],
)
def test_the_password_is_separated_from_the_address_and_nothing_else_changes(text: str, url: str) -> None:
    address = parse_database_address(text)
    assert (address.url, address.password) == (url, SecretStr(PASSWORD))
    before = conninfo_to_dict(text)
    assert conninfo_to_dict(address.whole.get_secret_value()) == before
    path = Path("/etc/tele cmi/pg%pass").absolute()
    del before["password"]
    assert conninfo_to_dict(address.with_passfile(path)) == {**before, "passfile": str(path)}


@pytest.mark.parametrize("text", ["postgresql://", "postgresql:///telecmi?host=/run/postgresql", "postgresql://a@b/c"])
def test_an_address_without_a_password_stays_as_it_is(text: str) -> None:
    assert parse_database_address(text) == (text, None)


def test_a_password_file_is_named_by_its_whole_path() -> None:
    address = parse_database_address("postgresql://a@b/c?passfile=secrets/pgpass")
    assert conninfo_to_dict(address.url)["passfile"] == str(Path("secrets/pgpass").absolute())
    assert address.alone == SecretStr(address.url)


def test_a_check_uses_no_password_of_the_user_who_runs_it() -> None:
    parameters = conninfo_to_dict(parse_database_address("postgresql://a@b/c").alone.get_secret_value())
    assert parameters["password"] == ""
    assert not Path(str(parameters["passfile"])).exists()


@pytest.mark.parametrize("text", ["mysql://a:b@c/d", "postgresql://a:hunter2@b:x/c?nothing=1", "postgresql://[::1/x"])
def test_an_address_that_is_none_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_database_address(text)
    assert "TELECMI_DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_password_file_escapes_what_libpq_splits_at() -> None:
    assert passfile_content(SecretStr(PASSWORD)) == b"*:*:*:*:pg\\:secret\\\\5e7c\n"


# The plan


def test_each_secret_is_in_a_file_of_its_own(tmp_path: Path) -> None:
    given = {
        "TELECMI_DATABASE_URL": "postgresql://team:pg-secret@db/telecmi",
        "TELECMI_DATABASE_DIRECT_URL": "postgresql://team:direct-secret@db/telecmi",
        "TELECMI_USER_ID": "103_1111112",
        "TELECMI_PASSWORD": "telecmi-secret",
        "TELECMI_ENCRYPTION_KEYS": "key-secret-1,key-secret-2",
        "TELECMI_CALLERS": "keys",
        "HOME": "/nowhere",
        "TELECMI_UNKNOWN": "x",
    }
    plan = make_plan(given, tmp_path)
    assert len(plan.files.pop("audit_keys")) > len("a key of 32 bytes and the end of its line")
    assert plan.files == {
        "pgpass": b"*:*:*:*:pg-secret\n",
        "pgpass_direct": b"*:*:*:*:direct-secret\n",
        "telecmi_password": b"telecmi-secret\n",
        "encryption_keys": b"key-secret-1\nkey-secret-2\n",
    }
    assert "-secret" not in format_settings(plan.values).decode()
    assert plan.values.keys() == {
        "TELECMI_DATABASE_URL",
        "TELECMI_DATABASE_DIRECT_URL",
        "TELECMI_USER_ID",
        "TELECMI_PASSWORD_FILE",
        "TELECMI_ENCRYPTION_KEYS_FILE",
        "TELECMI_AUDIT_KEYS_FILE",
        "TELECMI_CALLERS",
    }


@pytest.mark.parametrize(
    ("name", "variable", "given"),
    [
        ("encryption_keys", "TELECMI_ENCRYPTION_KEYS_FILE", {"TELECMI_SIGN_INS": "callers"}),
        ("audit_keys", "TELECMI_AUDIT_KEYS_FILE", {}),
    ],
)
def test_a_key_is_made_where_one_is_needed_and_none_is_given(
    name: str, variable: str, given: dict[str, str], tmp_path: Path
) -> None:
    plans = [make_plan(given, tmp_path) for _ in range(2)]
    assert plans[0].files[name] != plans[1].files[name]
    assert plans[0].values[variable] == str(tmp_path / name)
    kept = make_plan({**given, variable: "keys"}, tmp_path)
    assert (name in kept.files, kept.values[variable]) == (False, str(Path("keys").absolute()))


# The unit


def unit(folder: Path, *, port: int = 8000) -> str:
    program = folder / "telecmi-mcp"
    program.touch(0o755)
    settings = TeamSettings(common=Settings(timeout=30), listen=Address("127.0.0.1", port))
    command = [str(program), "serve", "--http"]
    return format_unit(settings, settings_file=folder / "settings.env", user="daemon", command=command).decode()


@SYSTEMD
@POSIX
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    def complaints(text: str) -> str:
        (tmp_path / NAME).write_text(text, encoding="utf8")
        words = [str(shutil.which("systemd-analyze")), "verify", str(tmp_path / NAME)]
        said = subprocess.run(words, capture_output=True, text=True, check=False)
        return "\n".join(line for line in (said.stdout + said.stderr).splitlines() if NAME in line)

    assert not complaints(unit(tmp_path))
    assert "NoSuchOption" in complaints(f"{unit(tmp_path)}\n[Service]\nNoSuchOption=1\n")
    assert complaints(unit(tmp_path).replace("Restart=on-failure", "Restart=sometimes"))


@POSIX
def test_the_unit_gives_the_server_the_time_of_a_call_to_stop_and_no_capability(tmp_path: Path) -> None:
    lines = unit(tmp_path).splitlines()
    assert f"EnvironmentFile={tmp_path}/settings.env" in lines
    assert f"ExecStart={tmp_path}/telecmi-mcp serve --http" in lines
    assert {"User=daemon", "TimeoutStopSec=50", "CapabilityBoundingSet=", "RestartPreventExitStatus=2"} <= {*lines}
    privileged = unit(tmp_path, port=443).splitlines()
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in privileged


@POSIX
@pytest.mark.parametrize(
    "folder", ["/srv/100%", "/srv/two words", "/srv/$HOME", '/srv/a"b', "/srv/a*", "/srv/a\nb", "x"]
)
def test_a_path_with_a_meaning_for_systemd_is_refused(folder: str) -> None:
    settings, plain = TeamSettings(), ["/usr/bin/telecmi-mcp"]
    with pytest.raises(ConfigurationError, match="Choose another --folder"):
        format_unit(settings, settings_file=Path(folder) / "settings.env", user="daemon", command=plain)
    with pytest.raises(ConfigurationError, match="Install telecmi-mcp elsewhere"):
        format_unit(settings, settings_file=Path("/etc/settings.env"), user="daemon", command=[f"{folder}/telecmi-mcp"])
