"""The token of a service whose callers cannot sign it in: errors of the sign-in say whom to ask."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from telecmi_mcp import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from telecmi_mcp._api.token_source import TokenInfo, TokenSource

_HINT = "Ask the administrator of this server to check its sign-in to TeleCMI"


class ServiceToken:
    """Another token source, with advice for callers in place of its own, which is for whoever set it up.

    Args:
        source: Provides the token.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def current(self) -> SecretStr:
        """Return the token to use now.

        Raises:
            SignInError: There is no token.
        """
        with _advice_for_callers():
            return await self._source.current()

    async def held(self) -> SecretStr | None:
        """Return the stored token without a request to TeleCMI; ``None`` if there is none."""
        with _advice_for_callers():
            return await self._source.held()

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return another token than the refused one, or ``None`` if there is no other."""
        with _advice_for_callers():
            return await self._source.renew(refused)

    def explain(self, refusal: errors.TokenRejected) -> errors.TokenRejected:
        """Return the refusal with advice for callers."""
        fact = self._source.explain(refusal).fact
        return errors.TokenRejected(refusal.status, hint=_HINT, fact=fact, detail=refusal.detail)

    @property
    def origin(self) -> TokenInfo:
        """Facts about the token in use."""
        return self._source.origin


@contextmanager
def _advice_for_callers() -> Iterator[None]:
    try:
        yield
    except errors.PasswordRejected as error:
        raise errors.PasswordRejected(hint=_HINT, detail=error.detail) from None
    except errors.NotSignedIn as error:
        raise errors.NotSignedIn(hint=_HINT, detail=error.detail) from None
    except (errors.ConfigurationError, errors.CredentialStoreUnusable) as error:
        raise type(error)(hint=_HINT, fact=error.fact, detail=error.detail) from None
