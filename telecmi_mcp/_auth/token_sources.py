"""Token sources: their protocol, and the sources that cannot renew a token."""

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
    """The one token of the configuration; ``None`` means that nobody has signed in."""

    token: SecretStr | None

    async def current(self) -> SecretStr:
        """Return the configured token.

        Raises:
            NotSignedIn: There is none.
        """
        if self.token is None:
            raise errors.NotSignedIn
        return self.token

    async def held(self) -> SecretStr | None:
        """Return the configured token, if there is one."""
        return self.token

    async def renew(self, refused: SecretStr) -> SecretStr | None:  # noqa: ARG002 - the protocol's argument
        """Return ``None``: a fixed token cannot be renewed."""
        return None

    def explain(self, refusal: errors.TokenRefused) -> errors.TokenRefused:
        """Return the refusal as it is: its advice is this source's."""
        return refusal

    @property
    def origin(self) -> TokenInfo:
        """Only where it comes from."""
        return TokenInfo() if self.token is None else TokenInfo("TELECMI_TOKEN")


class TokenFile:
    """The token in the file of TELECMI_TOKEN_FILE, read again when TeleCMI refuses it."""

    def __init__(self, path: Path, secrets: KnownSecrets) -> None:
        self._path = path
        self._secrets = secrets
        self._token: SecretStr | None = None

    async def current(self) -> SecretStr:
        """Return the token that the file held when it was last read.

        Raises:
            ConfigurationError: The file cannot be used.
        """
        if self._token is None:
            self._token = SecretStr(await _read(self._path, "TELECMI_TOKEN_FILE", is_token, "a token"))
            self._secrets.add(self._token)
        return self._token

    async def held(self) -> SecretStr | None:
        """Return the same as ``current``, which asks nobody but the file."""
        return await self.current()

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return the file's token, if somebody has put another one there."""
        self._token = None
        token = await self.current()
        return None if token == refused else token

    def explain(self, refusal: errors.TokenRefused) -> errors.TokenRefused:
        """Name the file's variable."""
        hint = "The user must put a new TeleCMI token into the file of TELECMI_TOKEN_FILE"
        return errors.TokenRefused(refusal.status, hint=hint, detail=refusal.detail)

    @property
    def origin(self) -> TokenInfo:
        """Where it comes from; when it was issued the file does not tell."""
        return TokenInfo("TELECMI_TOKEN_FILE")


def advised(error: errors.TelecmiError, *, password: str, token: str) -> errors.TelecmiError:
    """Return the error with other advice, where TeleCMI refused a password or a token.

    Args:
        error: What went wrong.
        password: What to do about a refused password.
        token: What to do about a refused token.
    """
    if isinstance(error, errors.PasswordRefused):
        return errors.PasswordRefused(hint=password, detail=error.detail)
    if isinstance(error, errors.TokenRefused):
        return errors.TokenRefused(error.status, hint=token, detail=error.detail)
    return error


async def read_password(path: Path) -> SecretStr:
    """Return the password in the file of TELECMI_PASSWORD_FILE, without the end of its line.

    Raises:
        ConfigurationError: The file cannot be used.
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
        raise errors.ConfigurationError(hint=f"Correct {variable}", fact=f"the file does not hold just {what}")
    return text
