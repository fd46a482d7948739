"""What can be set, read from the environment once and never again."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from telecmi_mcp._secrets import is_password, is_token
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

INDEXES = ("memory", "disk", "off")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_UNSET = re.compile(r"\s*(\$\{[^}]*\}\s*)?")  # clients leave "" or the literal "${...}" where nothing was filled in
_MAX_TIMEOUT = 600.0
_MAX_RATE = 1_000_000
_USER_ID = re.compile(r"[!-~]{1,128}")
_MAX_AGE = 604_800.0


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: what the README, the command line and server.json say of it."""

    variable: str
    takes: str
    purpose: str
    default: str = ""
    flag: str = ""
    secret: bool = False


TOKEN = Setting("TELECMI_TOKEN", "a TeleCMI user token", "The token that reads the contacts.", secret=True)
TOKEN_FILE = Setting(
    "TELECMI_TOKEN_FILE", "the path of a file of mode 0600 with a token", "The file of the token, instead of it."
)
USER_ID = Setting(
    "TELECMI_USER_ID",
    "a TeleCMI user id, such as 103_1111112",
    "Who signs in, or whose stored sign-in is used.",
    flag="--user-id",
)
PASSWORD = Setting(
    "TELECMI_PASSWORD", "a TeleCMI password", "Signs TELECMI_USER_ID in, and renews the token.", secret=True
)
PASSWORD_FILE = Setting(
    "TELECMI_PASSWORD_FILE",
    "the path of a file of mode 0600 with a password",
    "The file of the password, instead of it.",
)
BASE_URL = Setting(
    "TELECMI_BASE_URL",
    "an https address, or http on this machine, without user, query or fragment",
    "Where TeleCMI's API is.",
    default="https://rest.telecmi.com",
    flag="--base-url",
)
TIMEOUT = Setting(
    "TELECMI_TIMEOUT",
    f"seconds, above 0 and at most {_MAX_TIMEOUT:g}",
    "Seconds that one tool call may take in all.",
    default="30",
    flag="--timeout",
)
RATE_LIMIT = Setting(
    "TELECMI_RATE_LIMIT",
    f"a whole number from 0 to {_MAX_RATE}",
    "Tool calls a minute that are let through; 0 lets all through.",
    default="1200",
    flag="--rate-limit",
)
INDEX = Setting(
    "TELECMI_INDEX",
    f"one of {', '.join(INDEXES)}",
    "Where search keeps a copy of the contacts.",
    default="memory",
    flag="--index",
)
INDEX_MAX_AGE = Setting(
    "TELECMI_INDEX_MAX_AGE",
    f"seconds, above 0 and at most {_MAX_AGE:g}",
    "Seconds after which that copy is renewed.",
    default="900",
    flag="--index-max-age",
)
LOG_LEVEL = Setting(
    "TELECMI_LOG_LEVEL",
    f"one of {', '.join(LOG_LEVELS)}",
    "How much is written to stderr.",
    default="WARNING",
    flag="--log-level",
)
ALL = (
    TOKEN,
    TOKEN_FILE,
    USER_ID,
    PASSWORD,
    PASSWORD_FILE,
    BASE_URL,
    TIMEOUT,
    RATE_LIMIT,
    INDEX,
    INDEX_MAX_AGE,
    LOG_LEVEL,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one server.

    Attributes:
        token: The TeleCMI user token; ``None`` where it comes from elsewhere.
        token_file: The file that holds the token instead.
        user_id: Who signs in with the password, or whose stored sign-in is used; "" for the last who signed in.
        password: The password that signs the user in.
        password_file: The file that holds the password instead.
        base_url: Where TeleCMI's API is, without a slash at the end.
        timeout: Seconds that one tool call may take in all.
        rate_limit: Tool calls a minute; 0 for no limit.
        index: Where search keeps a copy of the contacts: ``memory``, ``disk`` or ``off``.
        index_max_age: Seconds after which that copy is renewed.
        log_level: The least level that is logged.
    """

    token: SecretStr | None = None
    token_file: Path | None = None
    user_id: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None
    base_url: str = BASE_URL.default
    timeout: float = float(TIMEOUT.default)
    rate_limit: int = int(RATE_LIMIT.default)
    index: str = INDEX.default
    index_max_age: float = float(INDEX_MAX_AGE.default)
    log_level: str = LOG_LEVEL.default

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables; "" and a literal ``${...}`` mean unset.

        Raises:
            ConfigurationError: A value cannot be used. The sentence names the variable, never the value.
        """
        _refuse_rivals(environ)
        return cls(
            token=_token(environ),
            token_file=_path(environ, TOKEN_FILE),
            user_id=_user_id(environ),
            password=_password(environ),
            password_file=_path(environ, PASSWORD_FILE),
            base_url=_base_url(environ),
            timeout=_number(environ, TIMEOUT, above=0, most=_MAX_TIMEOUT),
            rate_limit=_whole_number(environ, RATE_LIMIT, most=_MAX_RATE),
            index=_index(environ),
            index_max_age=_number(environ, INDEX_MAX_AGE, above=0, most=_MAX_AGE),
            log_level=_log_level(environ),
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("settings hold a secret and are never pickled")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_set(environ: Mapping[str, str], setting: Setting) -> bool:
    """Whether the environment gives the setting a value."""
    return not _UNSET.fullmatch(environ.get(setting.variable, ""))


def _value(environ: Mapping[str, str], setting: Setting) -> str:
    return environ[setting.variable].strip() if is_set(environ, setting) else setting.default


def _unusable(setting: Setting) -> ConfigurationError:
    names = f"{setting.variable} ({setting.flag})" if setting.flag else setting.variable
    return ConfigurationError(hint=f"Correct {names}", fact=f"it takes {setting.takes}")


def _refuse_rivals(environ: Mapping[str, str]) -> None:
    """Refuse two explicit sources: which of them was meant is not ours to guess."""
    passwords = [setting.variable for setting in (PASSWORD, PASSWORD_FILE) if is_set(environ, setting)]
    given = [setting.variable for setting in (TOKEN, TOKEN_FILE) if is_set(environ, setting)] + passwords
    if len(given) > 1:
        raise ConfigurationError(hint=f"Set only one of {' and '.join(given)}", fact="each is a way to sign in")
    if passwords and not is_set(environ, USER_ID):
        raise ConfigurationError(hint=f"Set {USER_ID.variable} too", fact=f"{passwords[0]} alone cannot sign in")


def _token(environ: Mapping[str, str]) -> SecretStr | None:
    token = _value(environ, TOKEN)
    if token and not is_token(token):
        raise _unusable(TOKEN)
    return _masked(token)


def _password(environ: Mapping[str, str]) -> SecretStr | None:
    password = environ[PASSWORD.variable] if is_set(environ, PASSWORD) else ""  # spaces at its ends belong to it
    if password and not is_password(password):
        raise _unusable(PASSWORD)
    return _masked(password)


def _masked(text: str) -> SecretStr | None:
    if not text:
        return None
    from pydantic import SecretStr  # noqa: PLC0415 - late: --help reads this module and needs no pydantic

    return SecretStr(text)


def _user_id(environ: Mapping[str, str]) -> str:
    user_id = _value(environ, USER_ID)
    if user_id and not _USER_ID.fullmatch(user_id):
        raise _unusable(USER_ID)
    return user_id


def _path(environ: Mapping[str, str], setting: Setting) -> Path | None:
    text = _value(environ, setting)
    if not text:
        return None
    if not text.isprintable():
        raise _unusable(setting)
    try:
        return Path(text).expanduser()
    except RuntimeError:  # "~" of a user who has no home
        raise _unusable(setting) from None


def _base_url(environ: Mapping[str, str]) -> str:
    text = _value(environ, BASE_URL)
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise _unusable(BASE_URL) from None
    plain = text.isascii() and text.isprintable() and not set(text) & set(" @?#\\")
    safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(host))
    if not (plain and safe and host):
        raise _unusable(BASE_URL)
    return text.rstrip("/")


def _number(environ: Mapping[str, str], setting: Setting, *, above: float, most: float) -> float:
    try:
        number = float(_value(environ, setting))
    except ValueError:
        number = math.nan
    if not above < number <= most:
        raise _unusable(setting)
    return number


def _whole_number(environ: Mapping[str, str], setting: Setting, *, most: int) -> int:
    text = _value(environ, setting)
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and int(text) <= most):
        raise _unusable(setting)
    return int(text)


def _index(environ: Mapping[str, str]) -> str:
    place = _value(environ, INDEX).lower()
    if place not in INDEXES:
        raise _unusable(INDEX)
    return place


def _log_level(environ: Mapping[str, str]) -> str:
    level = _value(environ, LOG_LEVEL).upper()
    if level not in LOG_LEVELS:
        raise _unusable(LOG_LEVEL)
    return level
