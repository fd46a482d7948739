"""Adds this server to a client's configuration, and removes exactly what it added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from telecmi_mcp._install import client_cli, config_file
from telecmi_mcp._install.entry import NAME, build_entry, digest, is_equivalent
from telecmi_mcp._install.formats.config_format import CONFIG_FORMATS
from telecmi_mcp._install.paths import find_file, is_found, old_files
from telecmi_mcp._install.record import InstallRecord
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telecmi_mcp._install.clients import ClientSpec
    from telecmi_mcp._install.config_file import FileContents
    from telecmi_mcp._install.entry import Server
    from telecmi_mcp._install.formats.config_format import ConfigFormat
    from telecmi_mcp._install.paths import Machine
    from telecmi_mcp._install.record import InstallRecords

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Change:
    """Result of an installation or a removal.

    Attributes:
        file: The client's configuration file.
        changed: Whether the configuration was changed.
        backup: Copy of the previous file; ``None`` if there was no file or install made none.
        recorded: Whether the install record could be saved.
    """

    file: Path
    changed: bool = True
    backup: Path | None = None
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class ConfigTarget:
    """One client's configuration on one computer.

    Attributes:
        client: The client.
        machine: The computer.
        install_records: Records of earlier installations.
        force: Whether to replace or remove an entry that install did not write, and to create a missing folder.
        old_file: A file of an older version of the client; ``None`` for the file that the client reads now.
    """

    client: ClientSpec
    machine: Machine
    install_records: InstallRecords
    force: bool = False
    old_file: Path | None = None

    @property
    def file(self) -> Path:
        """The client's configuration file."""
        return self.old_file or find_file(self.client, self.machine)

    def with_old_files(self) -> list[ConfigTarget]:
        """Return this target, and one for each file of an older version that exists."""
        others = [file for file in old_files(self.client, self.machine) if file != self.file]
        return [self, *(replace(self, old_file=file) for file in others)]

    @property
    def form(self) -> ConfigFormat:
        """The format of the file."""
        return CONFIG_FORMATS[self.client.form]


def find_entry(form: ConfigFormat, client: ClientSpec, text: str) -> object:
    """Return the entry of this server in a configuration; ``None`` if there is none.

    Raises:
        ClientConfigError: The text cannot be read, or the key holds no servers.
    """
    servers = form.read(text).get(client.key, {})
    if not isinstance(servers, dict):
        raise ClientConfigError(fact=f'what it has as "{client.key}" cannot hold servers')
    return servers.get(NAME)


def install(target: ConfigTarget, server: Server) -> Change:
    """Add the server; a second call changes nothing.

    Raises:
        ClientConfigError: The configuration was not changed; the message gives the reason.
    """
    return _retry(lambda: _install(target, build_entry(target.client, server)))


def uninstall(target: ConfigTarget, server: Server | None) -> Change:
    """Remove the server.

    Args:
        target: The configuration.
        server: The entry that an installation would write now; an equal entry is removed even without a record.

    Raises:
        ClientConfigError: The configuration was not changed; the message gives the reason.
    """
    return _retry(lambda: _uninstall(target, None if server is None else build_entry(target.client, server)))


def _retry(attempt: Callable[[], Change]) -> Change:
    for _ in range(_ATTEMPTS):
        try:
            return attempt()
        except config_file.ChangedMeanwhile:
            continue
    raise ClientConfigError(hint="Close the program and try again", fact="it changed the file during each attempt")


def _install(target: ConfigTarget, wanted: dict[str, Any]) -> Change:
    contents = config_file.read(target.file)
    entry = find_entry(target.form, target.client, contents.text)
    if entry is not None and is_equivalent(entry, wanted):
        return Change(target.file, changed=False)
    if entry is not None:
        _refuse_foreign(target, contents, entry, hint="Use --force to replace it")
    put = _add_by_command if target.client.program else _add_by_edit
    backup = put(target, wanted, contents)
    recorded = target.install_records.keep(contents.path, _install_record(target, contents, wanted, entry))
    return Change(target.file, backup=backup, recorded=recorded)


def _add_by_command(target: ConfigTarget, wanted: dict[str, Any], contents: FileContents) -> Path | None:
    backup = None
    if find_entry(target.form, target.client, contents.text) is not None:
        backup = _remove_by_command(target, contents)  # the client's add command rejects an existing name
    client_cli.run(target.client, target.machine, client_cli.add_command(target.client, wanted))
    return backup


def _remove_by_command(target: ConfigTarget, contents: FileContents) -> Path | None:
    backup = config_file.back_up(contents)
    client_cli.run(target.client, target.machine, client_cli.remove_command(target.client))
    return backup


def _add_by_edit(target: ConfigTarget, wanted: dict[str, Any], contents: FileContents) -> Path | None:
    if not is_found(target.client, target.machine):
        if not target.force:
            raise ClientConfigError(
                hint=f"Start {target.client.title} once, or use --force", fact="it was not found on this computer"
            )
        _create_folder(target.file)
    return config_file.replace(contents, target.form.put(contents.text, target.client.key, NAME, wanted))


def _create_folder(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise ClientConfigError(fact="its folder cannot be created") from None


def _install_record(
    target: ConfigTarget, contents: FileContents, wanted: dict[str, Any], entry: object
) -> InstallRecord:
    """Return the new record; a renewed entry keeps what the first installation created."""
    before = target.install_records.find(contents.path)
    if entry is not None:
        made_file, made_key = (before.made_file, before.made_key) if before else (False, False)
        return InstallRecord(digest(wanted), made_file=made_file, made_key=made_key)
    made_key = target.client.key not in target.form.read(contents.text)
    return InstallRecord(digest(wanted), made_file=contents.data is None, made_key=made_key)


def _refuse_foreign(target: ConfigTarget, contents: FileContents, entry: object, *, hint: str) -> None:
    """Raise an error unless install wrote the entry, or the user insists."""
    install_record = target.install_records.find(contents.path) or InstallRecord("")
    if not target.force and install_record.digest != digest(entry):
        fact = f"its entry {NAME} was not written by install, or was changed since"
        raise ClientConfigError(hint=hint, fact=fact)


def _uninstall(target: ConfigTarget, wanted: dict[str, Any] | None) -> Change:
    contents = config_file.read(target.file)
    entry = find_entry(target.form, target.client, contents.text)
    if entry is None:
        target.install_records.keep(contents.path, None)
        return Change(target.file, changed=False)
    if not is_equivalent(entry, wanted):
        _refuse_foreign(target, contents, entry, hint="Use --force to remove it")
    backup = _remove_by_command(target, contents) if target.client.program else _remove_by_edit(target, contents)
    target.install_records.keep(contents.path, None)
    return Change(target.file, backup=backup)


def _remove_by_edit(target: ConfigTarget, contents: FileContents) -> Path | None:
    """Remove the entry, then the empty object and the empty file that install created for it."""
    install_record = target.install_records.find(contents.path) or InstallRecord("")
    text = target.form.cut(contents.text, target.client.key, NAME)
    if install_record.made_key and target.form.read(text).get(target.client.key) == {}:
        text = target.form.cut(text, target.client.key)
    if install_record.made_file and text.strip() in {"", "{}"}:  # a file with a comment is not empty
        config_file.remove(contents)
        return None
    return config_file.replace(contents, text)
