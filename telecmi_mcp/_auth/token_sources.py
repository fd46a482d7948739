"""Token sources that cannot renew a token: the environment and a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from pydantic import SecretStr

from telecmi_mcp import errors
from telecmi_mcp._api.token_source import TokenInfo
from telecmi_mcp._config.secrets import is_password, is_token
from telecmi_mcp._private_files import read_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telecmi_mcp._config.secrets import KnownSecrets


@dataclass(frozen=True, slots=True)
class FixedToken:
    """The token of the settings; ``None`` means that no user is signed in."""

    token: SecretStr | None

    async def current(self) -> SecretStr:
        """Return the configured token.

        Raises:
            NotSignedIn: The settings hold no token.
        """
        if self.token is None:
            raise errors.NotSignedIn
        return self.token

    async def held(self) -> SecretStr | None:
        """Return the configured token, or ``None``."""
        return self.token

    async def renew(self, refused: SecretStr) -> SecretStr | None:  # noqa: ARG002 - the protocol requires the argument
        """Return ``None``: a fixed token cannot be renewed."""
        return None

    def explain(self, refusal: errors.TokenRejected) -> errors.TokenRejected:
        """Return the error unchanged: its hint names TELECMI_TOKEN already."""
        return refusal

    @property
    def origin(self) -> TokenInfo:
        """The name of the variable; the age of the token is unknown."""
        return TokenInfo() if self.token is None else TokenInfo("TELECMI_TOKEN")


class TokenFile:
    """The token in the file that TELECMI_TOKEN_FILE names, read again when TeleCMI rejects it."""

    def __init__(self, path: Path, secrets: KnownSecrets) -> None:
        self._path = path
        self._secrets = secrets
        self._token: SecretStr | None = None

    async def current(self) -> SecretStr:
        """Return the token of the last read of the file.

        Raises:
            ConfigurationError: The file cannot be read or holds no valid token.
        """
        if self._token is None:
            self._token = SecretStr(await _read(self._path, "TELECMI_TOKEN_FILE", is_token, "a token"))
            self._secrets.add(self._token)
        return self._token

    async def held(self) -> SecretStr | None:
        """Return the same as ``current``, which sends no request."""
        return await self.current()

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Read the file again; return its token unless it is the rejected one."""
        self._token = None
        token = await self.current()
        return None if token == refused else token

    def explain(self, refusal: errors.TokenRejected) -> errors.TokenRejected:
        """Return the error with a hint that names the variable of the file."""
        hint = "The user must put a new TeleCMI token into the file of TELECMI_TOKEN_FILE"
        return errors.TokenRejected(refusal.status, hint=hint, detail=refusal.detail)

    @property
    def origin(self) -> TokenInfo:
        """The name of the variable; the age of the token is unknown."""
        return TokenInfo("TELECMI_TOKEN_FILE")


def replace_hint(error: errors.TelecmiError, *, password: str, token: str) -> errors.TelecmiError:
    """Return the error with another hint if TeleCMI rejected a password or a token; else return it unchanged.

    Args:
        error: The error.
        password: Hint for a rejected password.
        token: Hint for a rejected token.
    """
    if isinstance(error, errors.PasswordRejected):
        return errors.PasswordRejected(hint=password, detail=error.detail)
    if isinstance(error, errors.TokenRejected):
        return errors.TokenRejected(error.status, hint=token, detail=error.detail)
    return error


async def read_password(path: Path) -> SecretStr:
    """Return the password in the file that TELECMI_PASSWORD_FILE names, without its line end.

    Raises:
        ConfigurationError: The file cannot be read or holds no valid password.
    """
    return SecretStr(await _read(path, "TELECMI_PASSWORD_FILE", is_password, "a password"))


async def _read(path: Path, variable: str, fits: Callable[[str], bool], what: str) -> str:
    try:
        text = (await run_sync(read_private, path)).decode("utf-8-sig").rstrip("\r\n")
    except errors.ConfigurationError as why:
        raise errors.ConfigurationError(hint=why.hint, fact=f"{why.fact}, which {variable} names") from None
    except (OSError, ValueError) as why:
        raise errors.ConfigurationError(
            hint=f"Correct {variable}", fact="the file that it names cannot be read", detail=type(why).__name__
        ) from None
    if not fits(text):
        raise errors.ConfigurationError(hint=f"Correct {variable}", fact=f"the file must hold {what} and nothing else")
    return text
