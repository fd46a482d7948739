"""Credential sources of the team server: sign-ins in the database, which one replica renews for all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from telecmi_mcp import errors
from telecmi_mcp._auth.credentials import Account
from telecmi_mcp._auth.token_sources import FixedToken, replace_hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Credentials
    from telecmi_mcp._auth.resolve import ConfiguredPassword
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.accounts.credential_store import SharedAccount, TeamSignIns
    from telecmi_mcp._team.accounts.membership_cache import MembershipCache


@dataclass(frozen=True, slots=True)
class NoSignIn(FixedToken):
    """Token source without a token: whatever needs a token raises an error."""

    token: None = field(default=None, init=False)
    error: Callable[[], errors.TelecmiError]

    async def current(self) -> SecretStr:
        """Raise the error."""
        raise self.error()


@dataclass(slots=True)
class CallerCredentials:
    """Credentials of the callers of one account."""

    sign_ins: TeamSignIns
    membership_cache: MembershipCache
    account: SharedAccount
    secrets: KnownSecrets
    _known: Credentials | None = field(default=None, repr=False)
    _missed: int | None = None

    @property
    def user(self) -> Account:
        """The user whose login would renew the token."""
        return Account(self.account.base_url, self.account.user_id) if self._known is None else self._known.account

    def revision(self) -> object:
        """Return the revision of all sign-ins; it changes too once a database is back that a read missed."""
        return self.membership_cache.revision, self._missed in {None, self.membership_cache.refreshes}

    async def read(self) -> Credentials | None:
        """Return the account's credentials; while the database is unreachable, those that were read last.

        Raises:
            DatabaseUnavailable: None were read before.
        """
        if self._known is None and self.sign_ins.database.is_away:
            raise sign_in_unavailable()
        try:
            self._known = await self.sign_ins.find(self.account)
        except errors.DatabaseUnavailable:
            self._missed = self.membership_cache.refreshes
            if self._known is None:
                raise sign_in_unavailable() from None
        else:
            self._missed = None
        if self._known is not None:
            self.secrets.add(self._known.token, self._known.password)
        return self._known

    async def write(self, credentials: Credentials) -> None:
        """Store renewed credentials."""
        self._known = credentials
        await self.sign_ins.update(credentials)

    def with_hint(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Return the error with advice for a caller: ask the administrator."""
        if isinstance(error, errors.NotSignedIn):
            return errors.CallerNotSignedIn()
        if isinstance(error, errors.DatabaseUnavailable):
            return sign_in_unavailable()
        hint = "Ask the administrator of this server to run telecmi-mcp team sign-in for you again"
        return replace_hint(error, password=hint, token=hint)

    @property
    def source(self) -> str:
        """Command that stored the credentials."""
        return "telecmi-mcp team sign-in"


@dataclass(slots=True)
class ServiceCredentials:
    """The service's password from the settings, and the token that one replica obtained with it for all.

    The database holds the token without the password. While it is unreachable, each replica signs in by itself.
    """

    given: ConfiguredPassword
    sign_ins: TeamSignIns
    account: SharedAccount
    secrets: KnownSecrets

    @property
    def user(self) -> Account:
        """The user of the settings."""
        return Account(self.account.base_url, self.account.user_id)

    def revision(self) -> object:
        """Return ``None``: the token of another replica is read when TeleCMI refuses this one's."""
        return None

    async def read(self) -> Credentials | None:
        """Return the password with the shared token, or else with this replica's own."""
        credentials = await self.given.read()
        shared = await self._shared()
        if shared is None or shared.token is None:
            return credentials
        self.secrets.add(shared.token)
        credentials = replace(credentials, token=shared.token, issued_at=shared.issued_at)
        await self.given.write(credentials)
        return credentials

    async def write(self, credentials: Credentials) -> None:
        """Store the token for the other replicas."""
        await self.given.write(credentials)
        if not self.sign_ins.database.is_away:
            await self.sign_ins.keep_apart(replace(credentials, password=None))

    def with_hint(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Return the error unchanged: ``ServiceToken`` gives the advice of every service."""
        return error

    @property
    def source(self) -> str:
        """Source of the password, and that the token is shared."""
        return f"{self.given.source}, shared by the replicas"

    async def _shared(self) -> Credentials | None:
        if self.sign_ins.database.is_away:
            return None
        try:
            return await self.sign_ins.find(self.account)
        except errors.DatabaseUnavailable:
            return None


def sign_in_unavailable() -> errors.DatabaseUnavailable:
    """Return the error for a token that only the database holds."""
    return errors.DatabaseUnavailable(
        hint="Try again in a minute", fact="the server's database, which holds the TeleCMI sign-ins, is unreachable"
    )
