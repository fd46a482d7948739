"""Separates the password from the address of a database, and puts it into a password file of libpq."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from telecmi_mcp._config.variables import unusable
from telecmi_mcp._team.config.variables import DATABASE_URL
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._config.variables import Setting

_PASSWORD, _PASSFILE = "password", "passfile"
_NO_FILE = "/dev/null/none"  # libpq warns about /dev/null itself, and about no file that is not there


class DatabaseAddress(NamedTuple):
    """An address, and its password apart.

    Attributes:
        url: The address without a password.
        password: The password; ``None`` if the address has none.
    """

    url: str
    password: SecretStr | None

    @property
    def has_passfile(self) -> bool:
        """Whether the address names a password file."""
        return _PASSFILE in dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def alone(self) -> SecretStr:
        """The address for a connection with this password only, not with one of the user who runs the command."""
        if self.has_passfile:
            return SecretStr(self.url)
        password = self.password.get_secret_value() if self.password else ""
        return SecretStr(_with(self.url, {_PASSWORD: password, _PASSFILE: _NO_FILE}))

    @property
    def whole(self) -> SecretStr:
        """The address with its password."""
        password = self.password.get_secret_value() if self.password else ""
        return SecretStr(_with(self.url, {_PASSWORD: password}) if password else self.url)

    def with_passfile(self, path: Path) -> str:
        """Return the address with this password file."""
        return _with(self.url, {_PASSFILE: str(path)})


def parse_database_address(text: str, setting: Setting = DATABASE_URL) -> DatabaseAddress:
    """Separate the password, and make the path of a password file absolute.

    Args:
        text: The address.
        setting: The setting that has it, which errors name.

    Raises:
        ConfigurationError: The text is no address, or the password cannot be separated.
    """
    before = _parameters(text, setting)
    url = urlsplit(text)
    user, at, hosts = url.netloc.rpartition("@")
    query = {name: value for name, value in parse_qsl(url.query, keep_blank_values=True) if name != _PASSWORD}
    if query.get(_PASSFILE):
        query[_PASSFILE] = before[_PASSFILE] = str(Path(query[_PASSFILE]).expanduser().absolute())
    netloc = f"{user.partition(':')[0]}{at}{hosts}"
    bare = urlunsplit(url._replace(netloc=netloc, query=urlencode(query, quote_via=quote, safe="/")))
    bare = bare if "//" in bare else bare.replace(":", "://", 1)  # urlunsplit drops the slashes of an empty host
    password = before.pop(_PASSWORD, None)
    if _parameters(bare, setting) != before:
        raise ConfigurationError(
            hint=f"Write the password into a file, and passfile=PATH into {setting.variable}",
            fact="it cannot be separated from the address",
        )
    return DatabaseAddress(bare, SecretStr(str(password)) if password else None)


def passfile_content(password: SecretStr) -> bytes:
    """Return a password file for any server: the address that names the file says which one it is for."""
    escaped = password.get_secret_value().replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{escaped}\n".encode()


def _with(url: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(parameters)
    joined = urlunsplit(parts._replace(query=urlencode(query, quote_via=quote, safe="/")))
    return joined if "//" in joined else joined.replace(":", "://", 1)


def _parameters(text: str, setting: Setting) -> dict[str, object]:
    try:
        return dict(conninfo_to_dict(text))
    except Error:
        raise unusable(setting) from None
