"""Adds this server to a client's configuration, and removes exactly that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from telecmi_mcp._install import client_cli, config_file, json_edit, toml_edit
from telecmi_mcp._install.entry import NAME, digest, means_the_same, shape
from telecmi_mcp._install.paths import find_file, is_found
from telecmi_mcp._install.record import InstallRecord
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telecmi_mcp._install.clients import ClientSpec
    from telecmi_mcp._install.config_file import FileContents
    from telecmi_mcp._install.entry import Server
    from telecmi_mcp._install.paths import Machine
    from telecmi_mcp._install.record import InstallRecords

_ATTEMPTS = 3


class ConfigFormat(Protocol):
    """How a configuration is written."""

    def read(self, text: str) -> dict[str, Any]:
        """Return what a text holds."""
        ...

    def put(self, text: str, key: str, name: str, entry: dict[str, Any]) -> str:
        """Return the text with an entry."""
        ...

    def cut(self, text: str, key: str, name: str | None = None) -> str:
        """Return the text without an entry, or without all of them."""
        ...

    def show(self, key: str, name: str, entry: dict[str, Any]) -> str:
        """Return what a person would write."""
        ...


CONFIG_FORMATS: dict[str, ConfigFormat] = {"json": json_edit, "toml": toml_edit}


@dataclass(frozen=True, slots=True)
class Change:
    """What was done.

    Attributes:
        file: The host's configuration file.
        changed: Whether anything had to be done.
        backup: The copy of the file as it was before, if there was one and it is ours to make.
        noted: Whether a receipt could be kept.
    """

    file: Path
    changed: bool = True
    backup: Path | None = None
    recording: bool = True


@dataclass(frozen=True, slots=True)
class ConfigTarget:
    """Where a change is made.

    Attributes:
        host: Whose configuration it is.
        machine: On which machine.
        receipts: What was put in before.
        force: Whether an entry that somebody else wrote may be replaced or removed, and a missing folder made.
    """

    host: ClientSpec
    machine: Machine
    install_records: InstallRecords
    force: bool = False

    @property
    def file(self) -> Path:
        """The host's configuration file."""
        return find_file(self.host, self.machine)

    @property
    def form(self) -> ConfigFormat:
        """How it is written."""
        return CONFIG_FORMATS[self.host.form]


def find_entry(form: ConfigFormat, host: ClientSpec, text: str) -> object:
    """Return the entry of this server in a configuration; ``None`` if there is none.

    Raises:
        HostUnchanged: The text cannot be read, or holds no servers where they belong.
    """
    servers = form.read(text).get(host.key, {})
    if not isinstance(servers, dict):
        raise ClientConfigError(fact=f'what it has as "{host.key}" cannot hold servers')
    return servers.get(NAME)


def put_in(desk: ConfigTarget, server: Server) -> Change:
    """Put the server in; a second time changes nothing.

    Raises:
        HostUnchanged: The configuration was left as it is; the sentence says why.
    """
    return _repeated(lambda: _put_in(desk, shape(desk.host, server)))


def take_out(desk: ConfigTarget, server: Server | None) -> Change:
    """Take out what was put in.

    Args:
        desk: Where.
        server: What would be put in now, which counts as ours even where nothing was noted.

    Raises:
        HostUnchanged: The configuration was left as it is; the sentence says why.
    """
    return _repeated(lambda: _take_out(desk, None if server is None else shape(desk.host, server)))


def _repeated(attempt: Callable[[], Change]) -> Change:
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except config_file.ChangedMeanwhile:
            continue
    raise ClientConfigError(hint="Close the program and try again", fact="it keeps writing the file")


def _put_in(desk: ConfigTarget, wanted: dict[str, Any]) -> Change:
    found = config_file.read(desk.file)
    entry = find_entry(desk.form, desk.host, found.text)
    if entry is not None and means_the_same(entry, wanted):
        return Change(desk.file, changed=False)
    if entry is not None and not _is_ours(desk, found, entry):
        raise ClientConfigError(
            hint="Use --force to replace it", fact=f"it has an entry {NAME} that install did not write, or not so"
        )
    put = _put_by_program if desk.host.program else _put_by_hand
    backup = put(desk, wanted, found)
    recording = desk.install_records.keep(found.path, _install_record(desk, found, wanted, entry))
    return Change(desk.file, backup=backup, recording=recording)


def _put_by_program(desk: ConfigTarget, wanted: dict[str, Any], found: FileContents) -> Path | None:
    there = find_entry(desk.form, desk.host, found.text) is not None
    backup = _cut_by_program(desk, found) if there else None  # its add refuses a name that is there
    client_cli.run(desk.host, desk.machine, client_cli.adding(desk.host, wanted))
    return backup


def _cut_by_program(desk: ConfigTarget, found: FileContents) -> Path | None:
    backup = config_file.back_up(found)
    client_cli.run(desk.host, desk.machine, client_cli.removing(desk.host))
    return backup


def _put_by_hand(desk: ConfigTarget, wanted: dict[str, Any], found: FileContents) -> Path | None:
    if not is_found(desk.host, desk.machine):
        if not desk.force:
            raise ClientConfigError(hint=f"Start {desk.host.title} once, or use --force", fact="it is not found here")
        _make_folder(desk.file)
    return config_file.replace(found, desk.form.put(found.text, desk.host.key, NAME, wanted))


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise ClientConfigError(fact="its folder cannot be made") from None


def _install_record(desk: ConfigTarget, found: FileContents, wanted: dict[str, Any], entry: object) -> InstallRecord:
    """What is to be known later: what was made stays so when an entry of ours is renewed."""
    before = desk.install_records.find(found.path)
    if entry is not None:
        made_file, made_key = (before.made_file, before.made_key) if before else (False, False)
        return InstallRecord(digest(wanted), made_file=made_file, made_key=made_key)
    made_key = desk.host.key not in desk.form.read(found.text)
    return InstallRecord(digest(wanted), made_file=found.data is None, made_key=made_key)


def _is_ours(desk: ConfigTarget, found: FileContents, entry: object) -> bool:
    install_record = desk.install_records.find(found.path)
    return desk.force or (install_record is not None and install_record.digest == digest(entry))


def _take_out(desk: ConfigTarget, wanted: dict[str, Any] | None) -> Change:
    found = config_file.read(desk.file)
    entry = find_entry(desk.form, desk.host, found.text)
    if entry is None:
        desk.install_records.keep(found.path, None)
        return Change(desk.file, changed=False)
    if not (means_the_same(entry, wanted) or _is_ours(desk, found, entry)):
        raise ClientConfigError(
            hint="Use --force to remove it", fact=f"its entry {NAME} is not as install wrote it: somebody changed it"
        )
    backup = _cut_by_program(desk, found) if desk.host.program else _cut_by_hand(desk, found)
    desk.install_records.keep(found.path, None)
    return Change(desk.file, backup=backup)


def _cut_by_hand(desk: ConfigTarget, found: FileContents) -> Path | None:
    """Cut the entry out, then what was made for it and is empty now."""
    install_record = desk.install_records.find(found.path) or InstallRecord("")
    text = desk.form.cut(found.text, desk.host.key, NAME)
    if install_record.made_key and desk.form.read(text).get(desk.host.key) == {}:
        text = desk.form.cut(text, desk.host.key)
    if install_record.made_file and text.strip() in {"", "{}"}:  # a comment is not nothing
        config_file.remove(found)
        return None
    return config_file.replace(found, text)
