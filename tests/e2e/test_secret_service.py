"""A real Secret Service: gnome-keyring on a bus of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.lines import environment
from e2e.telecmi import opened_telecmi

if TYPE_CHECKING:
    from pathlib import Path

USER = "103_1111112"
PASSWORD = "pass word sings 5Kq1"
TOKENS = ["first-token-sings-8Zx3", "second-token-sings-4Lm9"]

# CI says that it must be there: a test that is skipped for ever proves nothing.
REQUIRED = bool(os.environ.get("TELECMI_TESTS_NEED_SECRET_SERVICE"))
THERE = bool(shutil.which("gnome-keyring-daemon") and shutil.which("dbus-run-session"))

SESSION = """
set -eu
printf 'the keyring' | gnome-keyring-daemon --unlock --foreground --components=secrets >/dev/null 2>&1 &
daemon=$!
trap 'kill $daemon' EXIT
dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.Peer.Ping >/dev/null
until dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
    string:org.freedesktop.secrets | grep -q 'boolean true'; do :; done
telecmi() { "$PYTHON" -m telecmi_mcp "$@"; }
printf '%s\\n' "$PASSWORD" | telecmi login --user-id "$USER_ID" --password-stdin --remember-password
echo ----
telecmi check --json
"$PYTHON" -c "$DIE"
echo ----
telecmi check --json
echo ----
telecmi logout
echo ----
telecmi check --json || true
"""


# Put a dead token, an hour old, in the place of the living one.
DIE = """
import os
from dataclasses import replace
import anyio
from pydantic import SecretStr
from telecmi_mcp._auth.resolve import open_saved_sign_ins
from telecmi_mcp._private_files import state_folder

async def die():
    sign_ins = open_saved_sign_ins(state_folder(), time_limit=60)
    grant = await sign_ins.find(os.environ["TELECMI_BASE_URL"])
    await sign_ins.update(replace(grant, token=SecretStr("dead"), issued_at=grant.issued_at - 3600))

anyio.run(die)
"""


@pytest.mark.slow
@pytest.mark.skipif(not (THERE or REQUIRED), reason="gnome-keyring-daemon and dbus-run-session are not installed")
def test_sign_in_renew_and_sign_out_with_a_real_secret_service(tmp_path: Path) -> None:
    for folder in ["runtime", ".cache", ".local/share"]:
        (tmp_path / folder).mkdir(mode=0o700, parents=True)
    with opened_telecmi(USER, PASSWORD, *TOKENS) as telecmi:
        env = environment(
            HOME=str(tmp_path),
            XDG_RUNTIME_DIR=str(tmp_path / "runtime"),
            XDG_STATE_HOME=str(tmp_path / "state"),
            TELECMI_BASE_URL=telecmi.url,
            PYTHON=sys.executable,
            USER_ID=USER,
            PASSWORD=PASSWORD,
            DIE=DIE,
        )
        done = subprocess.run(
            ["dbus-run-session", "--", "sh", "-c", SESSION],  # noqa: S607 - wherever the system has it
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=env,
        )
    parts = done.stdout.split("----\n")
    assert len(parts) == 5, done.stderr
    assert "Stored in the OS keyring." in parts[0]
    first, second, last = (json.loads(part) for part in (parts[1], parts[2], parts[4]))
    assert (first["ok"], first["sign_in"]["source"], first["sign_in"]["renewal"]) == (
        True,
        "telecmi-mcp login, in the OS keyring",
        True,
    )
    assert second["ok"]
    assert telecmi.passwords == [PASSWORD, PASSWORD]
    assert "no way to revoke" in parts[3]
    assert not last["ok"]
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in [PASSWORD, *TOKENS] if secret.encode() in content], path
    assert not [secret for secret in [PASSWORD, *TOKENS] if secret in done.stdout + done.stderr]
