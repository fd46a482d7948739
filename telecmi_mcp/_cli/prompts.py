"""Reads a user id, a password or a token from the terminal or from standard input."""

from __future__ import annotations

import getpass
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from telecmi_mcp._config.secrets import is_password, is_token
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


def ask_user_id() -> str:
    """Ask for the TeleCMI user id at the terminal.

    Raises:
        ConfigurationError: There is no terminal, or the input is empty.
    """
    if not sys.stdin.isatty():
        raise ConfigurationError(hint="Pass --user-id", fact="there is no terminal to ask for it")
    with _ended_line():
        print("TeleCMI user id (such as 103_1111112): ", end="", file=sys.stderr, flush=True)
        line = _read_line()
    if not line.endswith("\n"):  # Ctrl-D
        print(file=sys.stderr)
    user_id = line.strip()
    if not user_id:
        raise ConfigurationError(hint="Enter a user id", fact="the input was empty")
    return user_id


def ask(question: str, default: str = "") -> str:
    """Ask at the terminal, and return the answer without surrounding spaces, or the default for an empty one.

    Raises:
        EOFError: The input has ended.
    """
    shown = f" [{default}]" if default else ""
    print(f"{question}{shown}: ", end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip() or default


def ask_password(question: str = "TeleCMI password (input is hidden): ") -> SecretStr:
    """Ask for a password at the terminal, without echo.

    Raises:
        ConfigurationError: The terminal cannot hide the input, or the password is empty or not usable.
    """
    text = _read_hidden(question)
    if text is None:
        raise ConfigurationError(hint="Use --password-stdin", fact="there is no terminal to ask for the password")
    return _checked(text)


def read_password_line() -> SecretStr:
    """Read the password from the first line of standard input.

    Raises:
        ConfigurationError: The line is empty or not usable.
    """
    return _checked(_read_line().rstrip("\r\n"))


def ask_access_key() -> SecretStr:
    """Ask for an access key at the terminal, without echo; read it from standard input if that is not a terminal.

    Raises:
        ConfigurationError: The terminal cannot hide the input, or the key is empty or not usable.
    """
    if not sys.stdin.isatty():
        return _checked_token(_read_line(), "key")
    text = _read_hidden("Access key of the team server (input is hidden): ")
    if text is None:
        raise ConfigurationError(hint="Pass the key on standard input", fact="there is no terminal to ask for it")
    return _checked_token(text, "key")


def read_token_line() -> SecretStr:
    """Read a token from the first line of standard input.

    Raises:
        ConfigurationError: The line is empty or not usable.
    """
    return _checked_token(_read_line())


def _read_line() -> str:
    """Return the next line of standard input with its line end; "" at the end of the input."""
    try:
        return sys.stdin.readline()
    except UnicodeDecodeError:
        fact = "it is not text in the encoding of this system"
        raise ConfigurationError(hint="Check standard input", fact=fact) from None


def confirm(question: str) -> bool:
    """Ask a question at the terminal; every answer but "y" and "yes" is no.

    Raises:
        ConfigurationError: There is no terminal.
    """
    if not sys.stdin.isatty():
        raise ConfigurationError(hint="Pass --yes to go on without a question", fact="there is no terminal to ask")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _read_hidden(prompt: str) -> str | None:
    """Return what the user types, "" for the end of the input; ``None`` if the terminal cannot hide it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            with _ended_line():
                return getpass.getpass(prompt)
        except EOFError:
            return ""
        except (getpass.GetPassWarning, OSError):
            return None


@contextmanager
def _ended_line() -> Iterator[None]:
    """End the line of a prompt that Ctrl-C or Ctrl-D leaves open, so that what follows has a line of its own."""
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr, flush=True)
        raise


def _checked_token(text: str, name: str = "token") -> SecretStr:
    token = text.strip()
    if not is_token(token):
        raise ConfigurationError(hint=f"Enter the {name} on one line", fact=f"the line is empty or no {name}")
    return SecretStr(token)


def _checked(text: str) -> SecretStr:
    if not is_password(text):
        raise ConfigurationError(hint="Enter the password on one line", fact="the line is empty or no password")
    return SecretStr(text)
