"""Tests that wrong usage is one line that asks what was meant, and that a shell completes what the parser accepts."""

from __future__ import annotations

import subprocess
from shutil import which

import pytest
import shtab

from e2e.lines import PATIENCE
from telecmi_mcp import __version__
from telecmi_mcp._cli import COMMANDS, build_parser, main
from telecmi_mcp._cli.options import read_settings
from telecmi_mcp._config import variables
from telecmi_mcp.errors import ConfigurationError

Capture = pytest.CaptureFixture[str]


def refused(words: list[str], capsys: Capture) -> str:
    """Run a command line that is not accepted; return the one line on stderr."""
    with pytest.raises(SystemExit) as left:
        main(words)
    out, said = capsys.readouterr()
    assert (left.value.code, out, said.count("\n")) == (2, "", 1)
    return said.rstrip("\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["serch", "x"], "telecmi-mcp: there is no such command. Did you mean search? See telecmi-mcp --help."),
        (["zzz"], "telecmi-mcp: there is no such command. See telecmi-mcp --help."),
        (
            ["search", "--limt", "3"],
            "telecmi-mcp search: there is no option --limt. Did you mean --limit? See telecmi-mcp search --help.",
        ),
        (
            ["--vesion"],
            "telecmi-mcp serve: there is no option --vesion. Did you mean --version? See telecmi-mcp serve --help.",
        ),
        (
            ["team", "key", "lst"],
            (
                "telecmi-mcp team key: the operation is one of add, rotate, list, revoke. Did you mean list? "
                "See telecmi-mcp team key --help."
            ),
        ),
        (
            ["team", "migrate", "--hlep"],
            (
                "telecmi-mcp team migrate: there is no option --hlep. Did you mean --help? "
                "See telecmi-mcp team migrate --help."
            ),
        ),
        (
            ["completion", "csh"],
            (
                "telecmi-mcp completion: SHELL is one of bash, zsh, fish. Did you mean zsh? "
                "See telecmi-mcp completion --help."
            ),
        ),
        (["get"], "telecmi-mcp get: the following arguments are required: ID. See telecmi-mcp get --help."),
        (["get", "a", "b"], "telecmi-mcp get: there is an argument too many. See telecmi-mcp get --help."),
    ],
)
def test_a_typo_costs_one_line(words: list[str], sentence: str, capsys: Capture) -> None:
    assert refused(words, capsys) == sentence


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--token", "hunter2"],
        ["search", "--token=hunter2"],
        ["hunter2"],
        ["count", "--group-by", "hunter2"],
        ["search", "--limit", "hunter2"],
        ["list", "hunter2"],
        ["list", "--json=hunter2"],
    ],
)
def test_a_value_that_is_not_accepted_is_not_repeated(words: list[str], capsys: Capture) -> None:
    assert "hunter2" not in refused(words, capsys)


@pytest.mark.parametrize(("flag", "variable"), [("--token", "TELECMI_TOKEN"), ("--password", "TELECMI_PASSWORD")])
def test_a_secret_as_a_flag_is_answered_with_the_variable(flag: str, variable: str, capsys: Capture) -> None:
    assert f"set {variable} instead of {flag}, because other users" in refused(["serve", flag, "x"], capsys)


def test_the_version_is_a_command_too(capsys: Capture) -> None:
    assert (main(["version"]), capsys.readouterr().out) == (0, f"telecmi-mcp {__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_has_every_command(shell: str, capsys: Capture) -> None:
    assert shell in shtab.SUPPORTED_SHELLS
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert not [name for name in COMMANDS if name not in script]
    for option in ("--group-by", "--http", "--page-state"):
        assert option.removeprefix("--") in script


COMPLETE = """
eval "$SCRIPT"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_shtab_telecmi_mcp
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "completions"),
    [
        (["telecmi-mcp", "co"], {"count", "connect", "completion"}),
        (["telecmi-mcp", "count", "--group-by", "c"], {"company", "country"}),
        (["telecmi-mcp", "search", "--js"], {"--json"}),
        (["telecmi-mcp", "team", "key", "ro"], {"rotate"}),
    ],
)
def test_bash_completes_commands_options_and_choices(words: list[str], completions: set[str], capsys: Capture) -> None:
    main(["completion", "bash"])
    script = capsys.readouterr().out
    done = subprocess.run(
        [str(which("bash")), "-c", COMPLETE, "bash", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        env={"SCRIPT": script},
    )
    assert {*done.stdout.split()} == completions


def test_a_command_line_is_parsed_as_before() -> None:
    args = build_parser(["search"]).parse_args(["search", "--limit", "3", "Priya", "Acme"])
    assert (args.command, args.limit, args.words) == ("search", 3, ["Priya", "Acme"])


ACCOUNT = {"--user-id", "--base-url", "--timeout"}
READING = ACCOUNT | {"--mask"}
SEARCHING = READING | {"--index", "--index-max-age"}
EVERY = {setting.flag for setting in variables.ALL if setting.flag}
SETTINGS = {
    **dict.fromkeys(("serve", "install", "check"), EVERY),
    "login": ACCOUNT,
    "setup": {"--user-id", "--base-url"},
    "logout": {"--user-id", "--base-url"},
    **dict.fromkeys(("get", "list", "export"), READING),
    **dict.fromkeys(("search", "count", "lookup", "sync", "index"), SEARCHING),
    "connect": {"--timeout", "--tools", "--tool-prefix", "--log-level"},
}


@pytest.mark.parametrize("command", [*COMMANDS])
def test_a_command_shows_the_settings_that_it_uses_with_their_choices(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    shown = {setting.flag for setting in variables.ALL if setting.flag and f"  {setting.flag} " in text}
    assert shown == SETTINGS.get(command, set())
    for setting in variables.ALL:
        if setting.flag in shown and setting.choices:
            assert f"{setting.flag} {{{','.join(setting.choices)}}}" in text


def test_the_choices_of_a_setting_are_what_it_accepts() -> None:
    for setting in variables.ALL:
        assert setting.accepts.startswith("one of ") is bool(setting.choices)
        assert not setting.choices or setting.accepts == f"one of {', '.join(setting.choices)}"


@pytest.mark.parametrize("value", ["DISK", "", "${TELECMI_INDEX}", "dsk"])
def test_a_flag_with_choices_takes_what_its_variable_takes(value: str) -> None:
    args = build_parser(["index"]).parse_args(["index", "status", "--index", value])
    if value == "dsk":
        with pytest.raises(ConfigurationError, match="use one of memory, disk, off"):
            read_settings(args, {})
    else:
        assert read_settings(args, {}).index == ("disk" if value == "DISK" else "memory")
