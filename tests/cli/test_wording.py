"""Tests that a sentence for a model becomes one for the person at the terminal."""

from __future__ import annotations

import inspect
from argparse import Namespace
from typing import Any

import pytest

from telecmi_mcp import errors
from telecmi_mcp._api.token_source import DAY, TokenInfo
from telecmi_mcp._cli import main
from telecmi_mcp._cli.contacts.table import print_notes
from telecmi_mcp._cli.wording import TOOLS_AS_COMMANDS, address_person, address_person_in_notice, carry_flags
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS

OF_A_TEAM_SERVER = (errors.CallerNotSignedIn, errors.ToolNotAllowed, errors.DatabaseUnavailable)


def every_error(base: type[errors.TelecmiError]) -> list[type[errors.TelecmiError]]:
    return [base, *(each for child in base.__subclasses__() for each in every_error(child))]


def made(error: type[errors.TelecmiError]) -> errors.TelecmiError:
    """Return an error with arguments of the kinds that its class needs."""
    samples: dict[str, Any] = {
        "float": 1.0,
        "float | None": 1.0,
        "int": 404,
        "int | None": 1,
        "str": "x",
        "bool": False,
    }
    needed = {
        name: samples[parameter.annotation]
        for name, parameter in inspect.signature(error).parameters.items()
        if parameter.default is parameter.empty
    }
    return error(**needed)


@pytest.mark.parametrize("error", [each for each in every_error(errors.TelecmiError) if each not in OF_A_TEAM_SERVER])
def test_no_error_speaks_of_the_user_or_of_tools(error: type[errors.TelecmiError]) -> None:
    sentence = address_person(str(made(error)))
    for words in (
        "he user must",
        "he user to",
        "in a terminal",
        "restart this server",
        *(tool.name for tool in LOCAL_TOOLS),
    ):
        assert words not in sentence
    assert sentence[0].isupper()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errors.NotSignedIn(), "Run telecmi-mcp login, or set TELECMI_TOKEN: no user is signed in to TeleCMI."),
        (
            errors.InvalidCursor(),
            (
                "Call again without --page-state, and use the same limit for every page: "
                "--page-state is invalid or expired."
            ),
        ),
        (
            errors.ContactNotFound("7"),
            "Check the id, or look the contact up with telecmi-mcp search: TeleCMI has no contact with the id 7.",
        ),
    ],
)
def test_a_sentence_names_commands_and_flags(error: errors.TelecmiError, sentence: str) -> None:
    assert address_person(str(error)) == sentence


def test_the_notice_of_an_ending_sign_in_says_what_to_run() -> None:
    notice = TokenInfo("a file", "103_1", 0.0).notice(28 * DAY)
    assert address_person_in_notice(notice) == "The TeleCMI sign-in ends in about 2 days: run telecmi-mcp login."


def test_names_of_companies_in_notes_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    note = "Companies: The user must Ltd; Sushi in a terminal; page_state search_contacts"
    print_notes(note)
    assert capsys.readouterr().err == f"{note}\n"


ARGS = Namespace(
    TELECMI_BASE_URL="https://x.example/a b", TELECMI_USER_ID="103_1", TELECMI_INDEX="disk", TELECMI_TIMEOUT=None
)


@pytest.mark.parametrize(
    ("advice", "carried"),
    [
        ("Run telecmi-mcp login.", "Run telecmi-mcp login --user-id 103_1 --base-url 'https://x.example/a b'."),
        (
            "run telecmi-mcp login --store file",
            "run telecmi-mcp login --user-id 103_1 --base-url 'https://x.example/a b' --store file",
        ),
        (
            "Run telecmi-mcp install CLIENT; telecmi-mcp install --list shows the clients.",
            (
                "Run telecmi-mcp install CLIENT --user-id 103_1 --base-url 'https://x.example/a b' --index disk; "
                "telecmi-mcp install --list shows the clients."
            ),
        ),
        ("Run telecmi-mcp index clear.", "Run telecmi-mcp index clear."),
    ],
)
def test_the_flags_of_the_account_are_carried_into_advice(advice: str, carried: str) -> None:
    assert carry_flags(advice, ARGS) == carried
    assert carry_flags(advice, Namespace()) == advice


def test_an_error_of_a_command_has_both(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TELECMI_TOKEN", raising=False)
    monkeypatch.setattr("telecmi_mcp._private_files.state_folder", lambda: tmp_path / "state")
    assert main(["search", "--base-url", "http://127.0.0.1:9", "x"]) == 4
    assert capsys.readouterr().err == (
        "telecmi-mcp: Run telecmi-mcp login --base-url http://127.0.0.1:9, or set TELECMI_TOKEN: "
        "no user is signed in to TeleCMI.\n"
    )


def test_the_advice_of_an_answer_names_commands_and_in_json_tools(capsys: pytest.CaptureFixture[str]) -> None:
    main(["search", "--sandbox", "how many contacts"])
    assert "telecmi-mcp search finds contacts; telecmi-mcp count counts" in capsys.readouterr().err
    main(["search", "--sandbox", "--json", "how many contacts"])
    assert "search_contacts finds contacts; count_contacts counts" in capsys.readouterr().out


def test_every_tool_has_a_command() -> None:
    assert all(TOOLS_AS_COMMANDS.shown(tool.name).startswith("telecmi-mcp ") for tool in LOCAL_TOOLS)


def test_names_of_tools_stay_where_they_are_values() -> None:
    assert address_person("Correct --tools: use some of get_contact", keep_tools=True).endswith("get_contact")
    assert address_person("Use get_contact") == "Use telecmi-mcp get"
