"""Writes what ``team setup`` has written or found, and what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telecmi_mcp._config import variables as common
from telecmi_mcp._team.config import variables as team

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from telecmi_mcp._team.config.settings import TeamSettings

_PURPOSES = {
    "settings.env": "the settings, for systemd and for telecmi-mcp team --settings",
    "pgpass": "the database's password",
    "pgpass_direct": "the password of TELECMI_DATABASE_DIRECT_URL",
    "encryption_keys": "the key of callers' sign-ins: keep a copy elsewhere",
    "audit_keys": "the key by which the audit names contacts",
    "telecmi_token": "the TeleCMI token",
    "telecmi_password": "the TeleCMI password",
    "telecmi-mcp.service": "the systemd unit",
}
_SECRETS = {each.variable for each in (*team.TEAM, *common.ALL) if each.secret}


def written(folder: Path, names: Sequence[str]) -> str:
    """Return what was written, and what each file is for."""
    width = max(map(len, names))
    lines = [f"  {name:<{width}}  {_PURPOSES[name]}" for name in names]
    return "\n".join(["", f"Written to {folder}:", *lines])


def existing(folder: Path, values: Mapping[str, str]) -> str:
    """Return the settings that are there, without secrets."""
    lines = [f"  {name}={'(set)' if name in _SECRETS else value}" for name, value in values.items()]
    return "\n".join([f"The setup in {folder} is unchanged; --force replaces it.", *lines])


def next_steps(folder: Path, settings: TeamSettings, *, has_unit: bool) -> str:
    """Return numbered lines: what remains until callers can call."""
    lines = [f"  {number}. {step}" for number, step in enumerate(_steps(folder, settings, has_unit=has_unit), 1)]
    return "\n".join(["", "Next:", *lines])


def _steps(folder: Path, settings: TeamSettings, *, has_unit: bool) -> Iterator[str]:
    file = folder / "settings.env"
    command = f"telecmi-mcp team --settings {shlex.quote(str(file))}"
    if settings.sign_ins == "service" and not _has_sign_in(settings):
        yield f"Add TELECMI_USER_ID and TELECMI_PASSWORD_FILE, or TELECMI_TOKEN_FILE, to {file}"
    if has_unit:
        unit = shlex.quote(str(folder / "telecmi-mcp.service"))
        yield f"sudo cp {unit} /etc/systemd/system/ && sudo systemctl daemon-reload"
        yield "sudo systemctl enable --now telecmi-mcp"
    else:
        yield f"set -a; . {shlex.quote(str(file))}; set +a; telecmi-mcp serve --http"
    if settings.public_url:
        host, listen = urlsplit(settings.public_url).netloc, settings.listen
        yield f"Let a proxy with TLS pass {host} on to {listen.host}:{listen.port}, with its Host (docs/teams.md)"
    if settings.callers == "keys":
        yield f"{command} key add NAME"
    if settings.sign_ins == "callers":
        yield f"{command} sign-in NAME --user-id ID"
    yield f"{command} check"


def _has_sign_in(settings: TeamSettings) -> bool:
    given = settings.common
    return any(each is not None for each in (given.token_file, given.password_file))
