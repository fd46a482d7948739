"""What tokens come from on a team's server: sign-ins in the database, renewed by one replica for all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from telecmi_mcp import errors
from telecmi_mcp._api.token_source import TokenInfo
from telecmi_mcp._auth.credentials import Account
from telecmi_mcp._auth.token_sources import replace_hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Credentials
    from telecmi_mcp._auth.resolve import ConfiguredPassword
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.accounts.credential_store import SharedAccount, TeamSignIns
    from telecmi_mcp._team.accounts.membership_cache import MembershipCache


@dataclass(frozen=True, slots=True)
class NoSignIn:
    """Nobody's: an app can be built on it, and what needs a token fails with an error."""

    error: Callable[[], errors.TelecmiError]

    async def current(self) -> SecretStr:
        """Raise the error."""
        raise self.error()

    async def held(self) -> SecretStr | None:
        """Return ``None``."""
        return None

    async def renew(self, refused: SecretStr) -> SecretStr | None:  # noqa: ARG002 - the protocol's argument
        """Return ``None``."""
        return None

    def explain(self, refusal: errors.TokenRejected) -> errors.TokenRejected:
        """Return the refusal, which nothing here can lead to."""
        return refusal

    @property
    def origin(self) -> TokenInfo:
        """Nowhere."""
        return TokenInfo()


@dataclass(slots=True)
class CallerCredentials:
    """What callers read one account with."""

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
        """Return what the roll says of the account; once a database that a read missed is back, something else."""
        return self.membership_cache.stamp_of(self.account), self._missed in {None, self.membership_cache.looks}

    async def read(self) -> Credentials | None:
        """Return the account's grant; while the database is away, the one that was read last.

        Raises:
            DatabaseAway: None was.
        """
        if self._known is None and self.sign_ins.is_away:
            raise sign_in_unavailable()
        try:
            self._known = await self.sign_ins.find(self.account)
        except errors.DatabaseUnavailable:
            self._missed = self.membership_cache.looks
            if self._known is None:
                raise sign_in_unavailable() from None
        else:
            self._missed = None
        if self._known is not None:
            self.secrets.add(self._known.token, self._known.password)
        return self._known

    async def write(self, credentials: Credentials) -> None:
        """Keep a renewed grant."""
        self._known = credentials
        await self.sign_ins.update(credentials)

    def with_hint(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Say who can help: whoever runs this server."""
        if isinstance(error, errors.NotSignedIn):
            return errors.CallerNotSignedIn()
        if isinstance(error, errors.DatabaseUnavailable):
            return sign_in_unavailable()
        hint = "Ask the operator of this server to run telecmi-mcp team sign-in for you again"
        return replace_hint(error, password=hint, token=hint)

    @property
    def source(self) -> str:
        """Where it lies."""
        return "telecmi-mcp team sign-in"


@dataclass(slots=True)
class ServiceCredentials:
    """The service's password of the environment, and the token that the first replica of all bought with it.

    The token is in the database without the password. While the database is away each replica goes on by itself.
    """

    given: ConfiguredPassword
    sign_ins: TeamSignIns
    membership_cache: MembershipCache
    account: SharedAccount
    secrets: KnownSecrets

    def revision(self) -> object:
        """Return what the roll says of the account."""
        return self.membership_cache.stamp_of(self.account)

    async def read(self) -> Credentials | None:
        """Return the password with the replicas' token, else with this replica's own."""
        credentials = await self.given.read()
        shared = await self._shared()
        if shared is None or shared.token is None:
            return credentials
        self.secrets.add(shared.token)
        credentials = replace(credentials, token=shared.token, issued_at=shared.issued_at)
        await self.given.write(credentials)
        return credentials

    async def write(self, credentials: Credentials) -> None:
        """Give the token to the other replicas."""
        await self.given.write(credentials)
        if not self.sign_ins.is_away:
            await self.sign_ins.keep_apart(replace(credentials, password=None))

    def with_hint(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Say which variables are meant, to whoever runs this server."""
        hint = "Whoever runs this server must check TELECMI_USER_ID and its password"
        return replace_hint(error, password=hint, token=hint)

    @property
    def source(self) -> str:
        """The variables, and where the token is shared."""
        return f"{self.given.source}, shared by the replicas"

    async def _shared(self) -> Credentials | None:
        if self.sign_ins.is_away:
            return None
        try:
            return await self.sign_ins.find(self.account)
        except errors.DatabaseUnavailable:
            return None


def sign_in_unavailable() -> errors.DatabaseUnavailable:
    """What to say where a token is needed that only the database holds."""
    return errors.DatabaseUnavailable(
        hint="Try again in a minute", fact="the server's database, which keeps the TeleCMI sign-ins, is away"
    )
