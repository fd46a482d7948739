"""Reads a password from a terminal without echo, or from standard input."""

from __future__ import annotations

import getpass
import sys
import warnings

from pydantic import SecretStr

from telecmi_mcp._config.secrets import is_password, is_token
from telecmi_mcp.errors import ConfigurationError


def ask_user_id() -> str:
    """Ask the person at the terminal who they are.

    Raises:
        ConfigurationError: There is no terminal, or no answer.
    """
    if not sys.stdin.isatty():
        raise ConfigurationError(hint="Give --user-id", fact="there is no terminal to ask for it")
    print("TeleCMI user id (such as 103_1111112): ", end="", flush=True)
    user_id = sys.stdin.readline().strip()
    if not user_id:
        raise ConfigurationError(hint="Give a user id", fact="none was given")
    return user_id


def ask_password() -> SecretStr:
    """Ask the person at the terminal for the password, without showing it.

    Raises:
        ConfigurationError: There is no terminal that can hide it, or no answer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return _checked(getpass.getpass("TeleCMI password (it is not shown): "))
        except (getpass.GetPassWarning, EOFError, OSError):
            pass
    raise ConfigurationError(hint="Use --password-stdin", fact="there is no terminal to ask for the password")


def read_password_line() -> SecretStr:
    """Read the password from the first line of standard input.

    Raises:
        ConfigurationError: There is none.
    """
    return _checked(sys.stdin.readline().rstrip("\r\n"))


def read_token_line() -> SecretStr:
    """Read a token from the first line of standard input.

    Raises:
        ConfigurationError: There is none.
    """
    text = sys.stdin.readline().strip()
    if not is_token(text):
        raise ConfigurationError(hint="Give the token on one line", fact="none was given that can be used")
    return SecretStr(text)


def _checked(text: str) -> SecretStr:
    if not is_password(text):
        raise ConfigurationError(hint="Give the password on one line", fact="none was given that can be used")
    return SecretStr(text)
