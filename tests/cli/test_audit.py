"""``audit`` and ``team audit``: who saw a contact, by the command line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from telecmi_mcp._audit.contact_hashes import ContactHasher
from telecmi_mcp._audit.file import KEY_FILE
from telecmi_mcp._audit.log import Audit, Entry
from telecmi_mcp._cli import main
from telecmi_mcp._config.keys import decode_keys, key_texts, new_key

if TYPE_CHECKING:
    from pathlib import Path

PRIYA, JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239", "7382ddd4-3139-4d8a-bef0-fab9b593d808"
NOON = 1795435200.0
CALLER = "amal\x1b[2K"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of an audit, whose key both commands find."""
    key, state = new_key(), tmp_path / "telecmi-mcp"
    state.mkdir(mode=0o700)
    (state / KEY_FILE).touch(0o600)
    (state / KEY_FILE).write_text(key, encoding="ascii")
    path = tmp_path / "audit.log"
    log = Audit("r", hasher=ContactHasher(*decode_keys(key_texts([key]), source="")), now=lambda: NOON)
    entry = Entry(CALLER, "tools/call", "get_contact", "ok", 0.01, 1, [PRIYA])
    entries = entry, entry._replace(tool="export_contacts", contacts=0, contact_ids=(), unlisted=1500)
    lines = [text for each in entries for text in log.lines(each)]
    path.write_text("\n".join([*lines, "listening"]), encoding="ascii")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TELECMI_AUDIT_KEYS_FILE", str(state / KEY_FILE))
    monkeypatch.setenv("TELECMI_AUDIT_FILE", str(path))
    return path


@pytest.mark.parametrize("words", [["audit"], ["team", "audit"]])
def test_both_commands_print_time_caller_and_tool(
    words: list[str], audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--contact", PRIYA, str(audit)]) == 0
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert re.fullmatch(r"2026-11-2\dT\d\d:\d\d:00[+-]\d\d:\d\d  amal.* +get_contact", first)
    assert second.endswith("export_contacts  perhaps: 1,500 contacts without ids")
    assert out.replace("\n", "").isprintable()
    assert err.splitlines() == [
        "Answers that showed this contact: 1. Lines of the audit that were read: 2.",
        "Answers that may have shown it, by an export or by groups of names, numbers or addresses: 1.",
        "Lines of other programs, which were skipped: 1.",
    ]


@pytest.mark.usefixtures("audit")
def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--json", "--contact", PRIYA]) == 0
    out, err = capsys.readouterr()
    sighting: dict[str, Any] = {"time": "2026-11-23T12:00:00.000Z", "caller": CALLER}
    assert err == ""
    assert json.loads(out) == {
        "sightings": [
            {**sighting, "tool": "get_contact", "certain": True},
            {**sighting, "tool": "export_contacts", "certain": False, "unlisted": 1500},
        ],
        "lines": 2,
        "other_lines": 1,
        "unnamed": 0,
        "other_key": 0,
        "dropped": 0,
    }


@pytest.mark.usefixtures("audit")
def test_nobody_is_exit_code_1_and_a_wrong_id_is_doubted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--contact", JOHN]) == 1
    assert "UUID" not in capsys.readouterr().err
    assert main(["audit", "--contact", "919200000000"]) == 1
    assert "The id is no UUID" in capsys.readouterr().err
    assert main(["audit", "--contact", PRIYA, "--since", "2026-11-25"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "variable"), [(["audit"], "TELECMI_AUDIT_FILE"), (["team", "audit"], "TELECMI_AUDIT_KEYS_FILE")]
)
def test_without_its_setting_a_command_says_what_to_set(
    words: list[str], variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert main([*words, "--contact", PRIYA]) == 2
    assert f"Set {variable}" in capsys.readouterr().err


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", ""])
def test_another_time_is_wrong_usage(since: str, audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["audit", "--contact", PRIYA, f"--since={since}", str(audit)])
    assert "use a date, such as 2026-11-01" in capsys.readouterr().err
