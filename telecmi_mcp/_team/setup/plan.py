"""Decides which files a setup consists of: no secret stays in the settings where a file of its own can hold it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from telecmi_mcp._config import variables as common
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._private_files import write_private
from telecmi_mcp._team.config import variables as team
from telecmi_mcp._team.setup.database_address import parse_database_address, passfile_content
from telecmi_mcp._team.setup.settings_file import format_settings
from telecmi_mcp.errors import FileUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._config.variables import Setting
    from telecmi_mcp._team.setup.service_user import ServiceUser

SETTINGS_FILE: Final = "settings.env"
"""Name of the settings file."""

ENCRYPTION_KEYS_FILE: Final = "encryption_keys"
"""Name of the file with the encryption keys."""

AUDIT_KEYS_FILE: Final = "audit_keys"
"""Name of the file with the keys by which the audit names contacts."""

SETTINGS: Final = (*team.TEAM, *common.ALL)
"""The settings that a setup can hold."""

_PASSFILES = {team.DATABASE_URL: "pgpass", team.DATABASE_DIRECT_URL: "pgpass_direct"}
_IN_FILES = {
    common.TOKEN: (common.TOKEN_FILE, "telecmi_token"),
    common.PASSWORD: (common.PASSWORD_FILE, "telecmi_password"),
    team.ENCRYPTION_KEYS: (team.ENCRYPTION_KEYS_FILE, ENCRYPTION_KEYS_FILE),
}
_PATHS = (common.TOKEN_FILE, common.PASSWORD_FILE, team.ENCRYPTION_KEYS_FILE, team.AUDIT_KEYS_FILE)
_NEVER_REPLACED = (ENCRYPTION_KEYS_FILE, AUDIT_KEYS_FILE)  # what they encrypted and named would be lost
_UNIT_MODE = 0o644


class Plan(NamedTuple):
    """The files of a setup.

    Attributes:
        values: The settings, by variable.
        files: Contents of the files with secrets, by name.
    """

    values: dict[str, str]
    files: dict[str, bytes]


def make_plan(given: Mapping[str, str], folder: Path) -> Plan:
    """Return the files for these settings.

    Args:
        given: The settings, by variable.
        folder: The absolute path of the folder of the setup.

    Raises:
        ConfigurationError: The address of the database is not valid.
    """
    values = {each.variable: given[each.variable] for each in SETTINGS if common.is_set(given, each)}
    files: dict[str, bytes] = {}
    _move_database_passwords(values, files, folder)
    for setting, (file_setting, name) in _IN_FILES.items():
        if setting.variable in values:
            files[name] = _as_lines(setting, values.pop(setting.variable))
            values[file_setting.variable] = str(folder / name)
    for setting in _PATHS:
        if setting.variable in values:
            values[setting.variable] = str(Path(values[setting.variable]).expanduser().absolute())
    keys = {team.AUDIT_KEYS_FILE: AUDIT_KEYS_FILE}
    if values.get(team.WHOSE.variable) == "callers":
        keys[team.ENCRYPTION_KEYS_FILE] = ENCRYPTION_KEYS_FILE
    for setting, name in keys.items():
        if setting.variable not in values:
            files[name] = f"{new_key()}\n".encode()
            values[setting.variable] = str(folder / name)
    return Plan(values, files)


def write_setup(plan: Plan, folder: Path, unit: tuple[str, bytes] | None, owner: ServiceUser) -> list[str]:
    """Write the files, the settings last, and return their names.

    Raises:
        ConfigurationError: A value cannot be written.
        FileUnusable: A file cannot be written.
    """
    settings = format_settings(plan.values)
    kept = {name for name in _NEVER_REPLACED if (folder / name).exists()}
    files = {name: content for name, content in plan.files.items() if name not in kept}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give(folder, owner)
        for name, content in files.items():
            _write(folder / name, content, owner)
        if unit is not None:
            name, content = unit
            _write(folder / name, content, owner)
            (folder / name).chmod(_UNIT_MODE)
            files[name] = content
        _write(folder / SETTINGS_FILE, settings, owner)
    except OSError as why:
        raise FileUnusable(why.errno, hint="Choose another --folder, or make it writable") from None
    return [SETTINGS_FILE, *files]


def _move_database_passwords(values: dict[str, str], files: dict[str, bytes], folder: Path) -> None:
    for setting, name in _PASSFILES.items():
        if setting.variable not in values:
            continue
        address = parse_database_address(values[setting.variable], setting)
        values[setting.variable] = address.url
        if address.password is not None:
            files[name] = passfile_content(address.password)
            values[setting.variable] = address.with_passfile(folder / name)


def _as_lines(setting: Setting, value: str) -> bytes:
    lines = value.replace(",", "\n") if setting is team.ENCRYPTION_KEYS else value
    return f"{lines}\n".encode()


def _write(path: Path, content: bytes, owner: ServiceUser) -> None:
    write_private(path, content, before_replace=lambda draft: _give(draft, owner))


def _give(path: Path, owner: ServiceUser) -> None:
    if owner.uid >= 0 and hasattr(os, "geteuid") and os.geteuid() != owner.uid:
        os.chown(path, owner.uid, owner.gid)
