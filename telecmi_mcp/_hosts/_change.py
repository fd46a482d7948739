"""Putting this server into a host's configuration, and taking exactly that out again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from telecmi_mcp._hosts import _files, _json, _programs, _toml
from telecmi_mcp._hosts._entries import NAME, digest, means_the_same, shape
from telecmi_mcp._hosts._places import find_file, is_found
from telecmi_mcp._hosts._receipts import Receipt
from telecmi_mcp.errors import HostUnchanged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telecmi_mcp._hosts._entries import Server
    from telecmi_mcp._hosts._files import Found
    from telecmi_mcp._hosts._known import Host
    from telecmi_mcp._hosts._places import Machine
    from telecmi_mcp._hosts._receipts import Receipts

_ATTEMPTS = 3


class Form(Protocol):
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


FORMS: dict[str, Form] = {"json": _json, "toml": _toml}


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
    noted: bool = True


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a change is made.

    Attributes:
        host: Whose configuration it is.
        machine: On which machine.
        receipts: What was put in before.
        force: Whether an entry that somebody else wrote may be replaced or removed, and a missing folder made.
    """

    host: Host
    machine: Machine
    receipts: Receipts
    force: bool = False

    @property
    def file(self) -> Path:
        """The host's configuration file."""
        return find_file(self.host, self.machine)

    @property
    def form(self) -> Form:
        """How it is written."""
        return FORMS[self.host.form]


def find_entry(form: Form, host: Host, text: str) -> object:
    """Return the entry of this server in a configuration; ``None`` if there is none.

    Raises:
        HostUnchanged: The text cannot be read, or holds no servers where they belong.
    """
    servers = form.read(text).get(host.key, {})
    if not isinstance(servers, dict):
        raise HostUnchanged(fact=f'what it has as "{host.key}" cannot hold servers')
    return servers.get(NAME)


def put_in(desk: Desk, server: Server) -> Change:
    """Put the server in; a second time changes nothing.

    Raises:
        HostUnchanged: The configuration was left as it is; the sentence says why.
    """
    return _repeated(lambda: _put_in(desk, shape(desk.host, server)))


def take_out(desk: Desk, server: Server | None) -> Change:
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
        except _files.ChangedMeanwhile:
            continue
    raise HostUnchanged(hint="Close the program and try again", fact="it keeps writing the file")


def _put_in(desk: Desk, wanted: dict[str, Any]) -> Change:
    found = _files.read(desk.file)
    entry = find_entry(desk.form, desk.host, found.text)
    if entry is not None and means_the_same(entry, wanted):
        return Change(desk.file, changed=False)
    if entry is not None and not _is_ours(desk, found, entry):
        raise HostUnchanged(
            hint="Use --force to replace it", fact=f"it has an entry {NAME} that install did not write, or not so"
        )
    put = _put_by_program if desk.host.program else _put_by_hand
    backup = put(desk, wanted, found)
    noted = desk.receipts.keep(found.path, _receipt(desk, found, wanted, entry))
    return Change(desk.file, backup=backup, noted=noted)


def _put_by_program(desk: Desk, wanted: dict[str, Any], found: Found) -> Path | None:
    there = find_entry(desk.form, desk.host, found.text) is not None
    backup = _cut_by_program(desk, found) if there else None  # its add refuses a name that is there
    _programs.run(desk.host, desk.machine, _programs.adding(desk.host, wanted))
    return backup


def _cut_by_program(desk: Desk, found: Found) -> Path | None:
    backup = _files.back_up(found)
    _programs.run(desk.host, desk.machine, _programs.removing(desk.host))
    return backup


def _put_by_hand(desk: Desk, wanted: dict[str, Any], found: Found) -> Path | None:
    if not is_found(desk.host, desk.machine):
        if not desk.force:
            raise HostUnchanged(hint=f"Start {desk.host.title} once, or use --force", fact="it is not found here")
        _make_folder(desk.file)
    return _files.replace(found, desk.form.put(found.text, desk.host.key, NAME, wanted))


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise HostUnchanged(fact="its folder cannot be made") from None


def _receipt(desk: Desk, found: Found, wanted: dict[str, Any], entry: object) -> Receipt:
    """What is to be known later: what was made stays so when an entry of ours is renewed."""
    before = desk.receipts.find(found.path)
    if entry is not None:
        made_file, made_key = (before.made_file, before.made_key) if before else (False, False)
        return Receipt(digest(wanted), made_file=made_file, made_key=made_key)
    made_key = desk.host.key not in desk.form.read(found.text)
    return Receipt(digest(wanted), made_file=found.data is None, made_key=made_key)


def _is_ours(desk: Desk, found: Found, entry: object) -> bool:
    receipt = desk.receipts.find(found.path)
    return desk.force or (receipt is not None and receipt.digest == digest(entry))


def _take_out(desk: Desk, wanted: dict[str, Any] | None) -> Change:
    found = _files.read(desk.file)
    entry = find_entry(desk.form, desk.host, found.text)
    if entry is None:
        desk.receipts.keep(found.path, None)
        return Change(desk.file, changed=False)
    if not (means_the_same(entry, wanted) or _is_ours(desk, found, entry)):
        raise HostUnchanged(
            hint="Use --force to remove it", fact=f"its entry {NAME} is not as install wrote it: somebody changed it"
        )
    backup = _cut_by_program(desk, found) if desk.host.program else _cut_by_hand(desk, found)
    desk.receipts.keep(found.path, None)
    return Change(desk.file, backup=backup)


def _cut_by_hand(desk: Desk, found: Found) -> Path | None:
    """Cut the entry out, then what was made for it and is empty now."""
    receipt = desk.receipts.find(found.path) or Receipt("")
    text = desk.form.cut(found.text, desk.host.key, NAME)
    if receipt.made_key and desk.form.read(text).get(desk.host.key) == {}:
        text = desk.form.cut(text, desk.host.key)
    if receipt.made_file and text.strip() in {"", "{}"}:  # a comment is not nothing
        _files.remove(found)
        return None
    return _files.replace(found, text)
