"""Records each installation, so that uninstall removes exactly what install added. No entry can be read from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from telecmi_mcp._private_files import read_private_json, write_private

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class InstallRecord:
    """Record of one installation.

    Attributes:
        digest: Hash of the entry.
        made_file: Whether install created the file.
        made_key: Whether install created the object that holds the servers.
    """

    digest: str
    made_file: bool = False
    made_key: bool = False


class InstallRecords:
    """Records of a user, by the file that was changed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "hosts.json"

    def find(self, file: Path) -> InstallRecord | None:
        """Return the record of a file; ``None`` if there is none, or none that can be read."""
        row = self._rows().get(str(file))
        if not isinstance(row, dict) or not isinstance(row.get("digest"), str):
            return None
        return InstallRecord(
            row["digest"], made_file=row.get("made_file") is True, made_key=row.get("made_key") is True
        )

    def keep(self, file: Path, install_record: InstallRecord | None) -> bool:
        """Save the record of a file, or remove it with ``None``; return whether that succeeded."""
        before = self._rows()
        rows = {name: row for name, row in before.items() if name != str(file)}
        if install_record is not None:
            rows[str(file)] = asdict(install_record)
        try:
            if rows != before:
                write_private(self._path, json.dumps(rows, indent=1).encode())
        except OSError:
            return False
        return True

    def _rows(self) -> dict[str, Any]:
        rows = read_private_json(self._path)
        return rows if isinstance(rows, dict) else {}
