"""Defines each setting and checks its value; imports no slow module."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from telecmi_mcp._config.secrets import is_password, is_token
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SWITCH = ("on", "off")
INDEXES = ("memory", "disk", "off")
TEXTS = ("json", "table")
TOOLSETS = ("all", "chatgpt")
MASKABLE = ("phone_no", "email_id")
"""The fields of a contact that can be masked."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("text", "json")

_UNSET = re.compile(r"\s*(\$\{[^}]*\}\s*)?")  # clients pass "" or a literal "${...}" for an unset value
_MAX_TIMEOUT_S = 600.0
_MAX_RATE = 1_000_000
_USER_ID = re.compile(r"[!-~]{1,128}")
_MAX_AGE_S = 604_800.0
_TOOL_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,13}")
_CONTACT_ID = "{contact_id}"
_MAX_CONTACT_URL = 500


class Setting(NamedTuple):
    """One environment variable, as the README, the command line and server.json describe it.

    Not a dataclass: the import of ``dataclasses`` takes a fifth of the time until the first answer.
    """

    variable: str
    accepts: str
    purpose: str
    default: str = ""
    flag: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()


TOKEN = Setting("TELECMI_TOKEN", "a TeleCMI user token", "The token that reads the contacts.", secret=True)
TOKEN_FILE = Setting(
    "TELECMI_TOKEN_FILE",
    "the path of a file of mode 0600 with a token",
    "Path of a file with the token, instead of TELECMI_TOKEN.",
)
USER_ID = Setting(
    "TELECMI_USER_ID",
    "a TeleCMI user id, such as 103_1111112",
    "User who signs in, or whose stored sign-in is used.",
    flag="--user-id",
)
PASSWORD = Setting(
    "TELECMI_PASSWORD", "a TeleCMI password", "Signs TELECMI_USER_ID in, and renews the token.", secret=True
)
PASSWORD_FILE = Setting(
    "TELECMI_PASSWORD_FILE",
    "the path of a file of mode 0600 with a password",
    "Path of a file with the password, instead of TELECMI_PASSWORD.",
)
BASE_URL = Setting(
    "TELECMI_BASE_URL",
    "an https URL, or an http URL of this machine, without user, query or fragment",
    "Base URL of TeleCMI's API.",
    default="https://rest.telecmi.com",
    flag="--base-url",
)
TIMEOUT = Setting(
    "TELECMI_TIMEOUT",
    f"a number of seconds above 0 and at most {_MAX_TIMEOUT_S:g}",
    "Maximum seconds of one tool call.",
    default="30",
    flag="--timeout",
)
RATE_LIMIT = Setting(
    "TELECMI_RATE_LIMIT",
    f"a whole number from 0 to {_MAX_RATE}",
    "Maximum tool calls per minute; 0 means no limit.",
    default="1200",
    flag="--rate-limit",
)
INDEX = Setting(
    "TELECMI_INDEX",
    f"one of {', '.join(INDEXES)}",
    "Where search stores its copy of the contacts.",
    default="memory",
    flag="--index",
    choices=INDEXES,
)
INDEX_MAX_AGE = Setting(
    "TELECMI_INDEX_MAX_AGE",
    f"a number of seconds above 0 and at most {_MAX_AGE_S:g}",
    "Seconds after which the copy of the contacts is renewed.",
    default="900",
    flag="--index-max-age",
)
TEXT = Setting(
    "TELECMI_TEXT",
    f"one of {', '.join(TEXTS)}",
    "Format of the text of an answer; a table is shorter.",
    default="json",
    flag="--text",
    choices=TEXTS,
)
STRUCTURED = Setting(
    "TELECMI_STRUCTURED",
    f"one of {', '.join(SWITCH)}",
    "Whether answers also have structured content.",
    default="on",
    flag="--structured",
    choices=SWITCH,
)
TOOLS = Setting(
    "TELECMI_TOOLS",
    f"one of {', '.join(TOOLSETS)}",
    "Which tools there are: all, or search and fetch in the form that ChatGPT needs.",
    default="all",
    flag="--tools",
    choices=TOOLSETS,
)
TOOL_PREFIX = Setting(
    "TELECMI_TOOL_PREFIX",
    "1 to 14 characters of a-z, 0-9 and _, the first of a-z",
    "Text before the name of every tool, such as crm_, where two servers have tools of the same name.",
    flag="--tool-prefix",
)
CONTACT_URL = Setting(
    "TELECMI_CONTACT_URL",
    f"an http or https URL of at most {_MAX_CONTACT_URL} characters that has {_CONTACT_ID} once, after the host",
    "Page of a contact, which ChatGPT cites; models and users see it.",
    flag="--contact-url",
)
MASK = Setting(
    "TELECMI_MASK",
    f"{' or '.join(MASKABLE)}, or both with a comma between",
    "Fields that nobody sees whole, finds contacts by or groups by.",
    flag="--mask",
)
EXPORT_FOLDER = Setting(
    "TELECMI_EXPORT_FOLDER",
    "the absolute path of a folder of mode 0700",
    "Folder for the files of export_contacts; if unset, serve has no such tool.",
)
AUDIT_FILE = Setting(
    "TELECMI_AUDIT_FILE",
    "the absolute path of a file, in a folder that exists",
    "File to which serve adds a line for each call: when, which tool, and hashes of the contacts that it showed.",
)
PRECONNECT = Setting(
    "TELECMI_PRECONNECT",
    f"one of {', '.join(SWITCH)}",
    "Whether serve opens a connection before the first call.",
    default="on",
    flag="--preconnect",
    choices=SWITCH,
)
LOG_LEVEL = Setting(
    "TELECMI_LOG_LEVEL",
    f"one of {', '.join(LOG_LEVELS)}",
    "Least severe level that is logged to stderr.",
    default="WARNING",
    flag="--log-level",
    choices=LOG_LEVELS,
)
LOG_FORMAT = Setting(
    "TELECMI_LOG_FORMAT",
    f"one of {', '.join(LOG_FORMATS)}",
    "Format of a record in the log: a line of text, or a JSON object on one line.",
    default="text",
    flag="--log-format",
    choices=LOG_FORMATS,
)
EARLY_ANSWERS = Setting(
    "TELECMI_EARLY_ANSWERS",
    f"one of {', '.join(SWITCH)}",
    "Whether the first messages are answered while the server is still loading.",
    default="on",
    flag="--early-answers",
    choices=SWITCH,
)
ALL = tuple(each for each in tuple(globals().values()) if isinstance(each, Setting))
"""The settings above, in their order."""


def values_of(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of environment variables by the field names of ``Settings``; "" and ``${...}`` mean unset.

    Raises:
        ConfigurationError: A value is invalid. The sentence names the variable, never the value.
    """
    _check_sign_in(environ)
    password = environ[PASSWORD.variable] if is_set(environ, PASSWORD) else ""  # may start or end with a space
    values = {
        "token": _valid(TOKEN, value_of(environ, TOKEN), is_token),
        "token_file": path_of(environ, TOKEN_FILE),
        "user_id": _valid(USER_ID, value_of(environ, USER_ID), _USER_ID.fullmatch),
        "password": _valid(PASSWORD, password, is_password),
        "password_file": path_of(environ, PASSWORD_FILE),
        "base_url": web_address(environ, BASE_URL).rstrip("/"),
        "timeout": _number(environ, TIMEOUT, most=_MAX_TIMEOUT_S),
        "rate_limit": whole_number(environ, RATE_LIMIT, most=_MAX_RATE),
        "index": one_of(environ, INDEX, INDEXES, str.lower),
        "index_max_age": _number(environ, INDEX_MAX_AGE, most=_MAX_AGE_S),
        "text": one_of(environ, TEXT, TEXTS, str.lower),
        "structured": one_of(environ, STRUCTURED, SWITCH, str.lower) == "on",
        "tools": one_of(environ, TOOLS, TOOLSETS, str.lower),
        "tool_prefix": _valid(TOOL_PREFIX, value_of(environ, TOOL_PREFIX), _TOOL_PREFIX.fullmatch),
        "contact_url": _valid(CONTACT_URL, value_of(environ, CONTACT_URL), _is_contact_url),
        "mask": names_of(environ, MASK, MASKABLE),
        "export_folder": _absolute_path(environ, EXPORT_FOLDER),
        "audit_file": _absolute_path(environ, AUDIT_FILE),
        "preconnect": one_of(environ, PRECONNECT, SWITCH, str.lower) == "on",
        "log_level": one_of(environ, LOG_LEVEL, LOG_LEVELS, str.upper),
        "log_format": one_of(environ, LOG_FORMAT, LOG_FORMATS, str.lower),
        "early_answers": one_of(environ, EARLY_ANSWERS, SWITCH, str.lower),
    }
    check_tools(values)
    return values


def check_tools(values: Mapping[str, Any]) -> None:
    """Check that nothing contradicts the form that ChatGPT needs.

    Args:
        values: At least ``tools``, ``tool_prefix``, ``text`` and ``structured``, as in ``Settings``.

    Raises:
        ConfigurationError: A setting contradicts it.
    """
    if values["tools"] != "chatgpt":
        return
    if values["tool_prefix"]:
        raise _not_for_chatgpt(TOOL_PREFIX, "ChatGPT needs the names search and fetch")
    if values["text"] != TEXT.default:
        raise _not_for_chatgpt(TEXT, "ChatGPT needs the text of an answer as JSON")
    if not values["structured"]:
        raise _not_for_chatgpt(STRUCTURED, "ChatGPT needs structured content")


@lru_cache(maxsize=16)  # the team server asks for the host and the client of each request
def is_loopback(host: str) -> bool:
    """Return True if a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_set(environ: Mapping[str, str], setting: Setting) -> bool:
    """Return True if the environment has a value for the setting."""
    return not _UNSET.fullmatch(environ.get(setting.variable, ""))


def value_of(environ: Mapping[str, str], setting: Setting) -> str:
    """Return the text of a setting without surrounding spaces; its default if it is unset."""
    return environ[setting.variable].strip() if is_set(environ, setting) else setting.default


def unusable(setting: Setting) -> ConfigurationError:
    """Return the error for an invalid value of a setting."""
    names = f"{setting.variable} ({setting.flag})" if setting.flag else setting.variable
    return ConfigurationError(hint=f"Correct {names}", fact=f"use {setting.accepts}")


def sign_in_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that are set and sign in by themselves, so that no stored sign-in is used."""
    return [setting.variable for setting in (TOKEN, TOKEN_FILE, PASSWORD, PASSWORD_FILE) if is_set(environ, setting)]


def _check_sign_in(environ: Mapping[str, str]) -> None:
    """Raise an error if two explicit sources are set, because either may be the intended one."""
    given = sign_in_variables(environ)
    passwords = [name for name in given if name in {PASSWORD.variable, PASSWORD_FILE.variable}]
    if len(given) > 1:
        raise ConfigurationError(hint=f"Set only one of {' and '.join(given)}", fact="each of them signs in by itself")
    if passwords and not is_set(environ, USER_ID):
        raise ConfigurationError(hint=f"Set {USER_ID.variable} too", fact=f"{passwords[0]} needs a user id")


def _not_for_chatgpt(setting: Setting, fact: str) -> ConfigurationError:
    hint = f"Unset {setting.variable} ({setting.flag}), or do not set {TOOLS.variable} to chatgpt"
    return ConfigurationError(hint=hint, fact=fact)


def _valid(setting: Setting, text: str, is_valid: Callable[[str], object]) -> str:
    """Return the text of a setting, which may be ""."""
    if text and not is_valid(text):
        raise unusable(setting)
    return text


def path_of(environ: Mapping[str, str], setting: Setting) -> Path | None:
    """Return the path that a setting names; ``None`` where it is unset."""
    text = value_of(environ, setting)
    if not text:
        return None
    if not text.isprintable():
        raise unusable(setting)
    try:
        return Path(text).expanduser()
    except RuntimeError:  # "~" of a user without a home folder
        raise unusable(setting) from None


def _absolute_path(environ: Mapping[str, str], setting: Setting) -> Path | None:
    """Return the path of a setting; the folder in which a client starts the server must not change its meaning."""
    path = path_of(environ, setting)
    if path is not None and not path.is_absolute():
        raise unusable(setting)
    return path


def web_address(environ: Mapping[str, str], setting: Setting) -> str:
    """Return an https URL, or an http URL of this machine, without user, query or fragment; "" if it is unset."""
    text = value_of(environ, setting)
    if text and not is_web_address(text):
        raise unusable(setting)
    return text


def is_web_address(text: str) -> bool:
    """Return True for an https URL, or an http URL of this machine, without user, query or fragment."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(" @?#\\")
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(host))
    return is_plain and is_safe and bool(host)


def _is_contact_url(text: str) -> bool:
    """Return True for a URL whose placeholder is not in its host, so that a contact cannot decide where it leads."""
    before, placeholder, after = text.partition(_CONTACT_ID)
    try:
        url = urlsplit(before)
        host, _ = url.hostname, url.port
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and not set(before + after) & set(' "<>\\^`{|}')
    is_safe = url.scheme in {"http", "https"} and bool(host) and "@" not in url.netloc
    is_after_host = bool(url.path or url.query or url.fragment or before.endswith(("?", "#")))
    return bool(placeholder) and is_plain and is_safe and is_after_host and len(text) <= _MAX_CONTACT_URL


def _number(environ: Mapping[str, str], setting: Setting, *, most: float) -> float:
    try:
        number = float(value_of(environ, setting))
    except ValueError:
        number = math.nan
    if not 0 < number <= most:
        raise unusable(setting)
    return number


def whole_number(environ: Mapping[str, str], setting: Setting, *, most: int) -> int:
    """Return a whole number from 0 to ``most``."""
    text = value_of(environ, setting)
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and int(text) <= most):
        raise unusable(setting)
    return int(text)


def names_of(environ: Mapping[str, str], setting: Setting, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of a setting with commas between, in the order of ``names``."""
    given = {word.strip().lower() for word in value_of(environ, setting).split(",")} - {""}
    if not given <= set(names):
        raise unusable(setting)
    return tuple(name for name in names if name in given)


def one_of(
    environ: Mapping[str, str], setting: Setting, words: tuple[str, ...], normalize: Callable[[str], str]
) -> str:
    """Return the value of a setting, which must be one of ``words``."""
    word = normalize(value_of(environ, setting))
    if word not in words:
        raise unusable(setting)
    return word
