"""Tests that a prompt leaves no line open, and that its text is not mixed with the result."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from telecmi_mcp._cli import prompts
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

Capture = pytest.CaptureFixture[str]


class Keyboard:
    """A terminal at which a person types a line, or presses Ctrl-C if the line is ``None``."""

    def __init__(self, line: str | None) -> None:
        self._line = line

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        if self._line is None:
            raise KeyboardInterrupt
        return self._line


def pressing(error: type[BaseException]) -> Callable[[str], NoReturn]:
    """Return a ``getpass`` that a key ends."""

    def read(_: str) -> NoReturn:
        raise error

    return read


def test_a_user_id_is_asked_for_on_stderr(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard("103_1111112\n"))
    assert prompts.ask_user_id() == "103_1111112"
    out, said = capsys.readouterr()
    assert (out, said) == ("", "TeleCMI user id (such as 103_1111112): ")


def test_ctrl_c_at_a_user_id_ends_the_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(None))
    with pytest.raises(KeyboardInterrupt):
        prompts.ask_user_id()
    assert capsys.readouterr().err.endswith(": \n")


def test_ctrl_d_at_a_user_id_ends_the_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(""))
    with pytest.raises(ConfigurationError, match="the input was empty"):
        prompts.ask_user_id()
    assert capsys.readouterr().err.endswith(": \n")


@pytest.mark.parametrize("ask", [prompts.ask_password, prompts.ask_access_key])
def test_ctrl_c_at_a_hidden_prompt_ends_the_line(
    ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(""))
    monkeypatch.setattr(getpass, "getpass", pressing(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert capsys.readouterr().err == "\n"


def test_ctrl_d_at_a_hidden_prompt_is_an_empty_password(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(getpass, "getpass", pressing(EOFError))
    with pytest.raises(ConfigurationError, match="Enter the password on one line"):
        prompts.ask_password()
    assert capsys.readouterr().err == "\n"


def test_a_terminal_that_cannot_hide_the_input_is_no_place_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", pressing(getpass.GetPassWarning))
    with pytest.raises(ConfigurationError, match="Use --password-stdin"):
        prompts.ask_password()
