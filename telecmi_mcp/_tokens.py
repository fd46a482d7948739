"""Where a token comes from: sources behind one small protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from telecmi_mcp.errors import NotSignedIn

if TYPE_CHECKING:
    from pydantic import SecretStr


class TokenSource(Protocol):
    """Gives the token of a call, and another one when TeleCMI refuses it."""

    async def current(self) -> SecretStr:
        """Return the token to use now.

        Raises:
            SignInError: There is none.
        """
        ...

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return another token than the refused one, or ``None`` where there is no other."""
        ...


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
            raise NotSignedIn
        return self.token

    async def renew(self, refused: SecretStr) -> SecretStr | None:  # noqa: ARG002 - the protocol's argument
        """Return ``None``: a fixed token cannot be renewed."""
        return None
