"""Stores callers' TeleCMI sign-ins in the database: encrypted, and shared by callers of one account."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from telecmi_mcp._auth.credentials import Account, packed, unpacked
from telecmi_mcp._index.account_directory import name_organisation, name_owner
from telecmi_mcp._team.config.variables import ENCRYPTION_KEYS
from telecmi_mcp.errors import ConfigurationError, CredentialStoreUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime
    from typing import LiteralString

    from telecmi_mcp._auth.credentials import Credentials
    from telecmi_mcp._team.accounts.encryption import Vault
    from telecmi_mcp._team.db.database import Connection, Database

_P = ParamSpec("_P")
_T = TypeVar("_T")

_STORE = "the server's database"
_FORGET_UNUSED = (
    "DELETE FROM telecmi_mcp.sign_in s WHERE sign_in_id = ANY(%s) AND NOT EXISTS "
    "(SELECT FROM telecmi_mcp.caller_sign_in c WHERE c.sign_in_id = s.sign_in_id) RETURNING base_url, user_id"
)
_LEAVE = "DELETE FROM telecmi_mcp.caller_sign_in WHERE caller = %s AND base_url = %s RETURNING sign_in_id"
_FIND = (
    "SELECT s.base_url, s.user_id, s.sealed FROM telecmi_mcp.sign_in s "
    "LEFT JOIN telecmi_mcp.caller_sign_in c USING (sign_in_id) WHERE s.base_url = %s AND "
)
_LIST = (
    "SELECT c.caller, c.base_url, s.user_id, c.organisation, s.renews, c.since "
    "FROM telecmi_mcp.caller_sign_in c JOIN telecmi_mcp.sign_in s USING (sign_in_id) ORDER BY c.caller, c.base_url"
)
_PUT_SEALED: LiteralString = "UPDATE telecmi_mcp.sign_in SET sealed = %s WHERE sign_in_id = %s"
_PUT_BOND: LiteralString = "UPDATE telecmi_mcp.caller_sign_in SET bond = %s WHERE caller = %s AND base_url = %s"
_OF_USER: LiteralString = "s.user_id = %s LIMIT 1"
_OF_ORGANISATION: LiteralString = "c.organisation = %s ORDER BY s.renews DESC, s.kept_at DESC LIMIT 1"


class SharedAccount(NamedTuple):
    """Account whose contacts callers read: a TeleCMI user, or an organisation whose users see the same contacts.

    Attributes:
        base_url: Address of TeleCMI.
        user_id: The user; "" for an organisation.
        organisation: Label of the organisation; "" for a user.
    """

    base_url: str
    user_id: str = ""
    organisation: str = ""

    @property
    def name(self) -> str:
        """Name of the account in directories; never shown, and stored as a hash only."""
        if self.organisation:
            return name_organisation(self.base_url, self.organisation)
        return name_owner(self.base_url, self.user_id)


class Listed(NamedTuple):
    """A caller in the list for administrators; it holds no secret."""

    caller: str
    base_url: str
    user_id: str
    organisation: str
    renews: bool
    since: datetime


class Fault(NamedTuple):
    """Reason why a sign-in in the database cannot be used."""

    kind: type[ConfigurationError | CredentialStoreUnusable]
    hint: str
    fact: str

    @property
    def name(self) -> str:
        """Empty: a fault is no account."""
        return ""

    def error(self) -> ConfigurationError | CredentialStoreUnusable:
        """Return the error for the caller."""
        return self.kind(hint=self.hint, fact=self.fact)


class Membership(NamedTuple):
    """A sign-in and one of its callers.

    Attributes:
        caller: The caller.
        account: Account that the sign-in reads.
        fault: What is wrong with the bond between caller and sign-in; ``None`` if it is valid.
    """

    caller: str
    account: SharedAccount
    fault: Fault | None


def _transaction(
    operation: Callable[Concatenate[TeamSignIns, Connection, _P], _T],
) -> Callable[Concatenate[TeamSignIns, _P], Coroutine[Any, Any, _T]]:
    """Let a method run in a thread, as one transaction of a connection that it gets."""

    @wraps(operation)
    async def run(self: TeamSignIns, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await self.database.run(lambda connection: operation(self, connection, *args, **kwargs))

    return run


class TeamSignIns:
    """The sign-ins in the database. Every operation may raise ``DatabaseUnavailable``.

    Args:
        database: The database.
        vault: Encrypts secrets; ``None`` is enough for operations without secrets.
    """

    def __init__(self, database: Database, vault: Vault | None) -> None:
        self.database = database
        self._given_vault = vault

    @_transaction
    def keep(self, connection: Connection, caller: str, credentials: Credentials) -> None:
        """Store a caller's new sign-in, and forget the caller's previous one."""
        sign_in_id = self._put(connection, credentials)
        before = _leave(connection, caller, credentials.account.base_url)
        bond = self._vault.seal("", about=_bond(caller, credentials.account, credentials.organisation))
        connection.execute(
            "INSERT INTO telecmi_mcp.caller_sign_in (caller, base_url, sign_in_id, organisation, bond) "
            "VALUES (%s, %s, %s, %s, %s)",
            (caller, credentials.account.base_url, sign_in_id, credentials.organisation, bond),
        )
        connection.execute(_FORGET_UNUSED, (before,))

    @_transaction
    def keep_apart(self, connection: Connection, credentials: Credentials) -> None:
        """Store the service's sign-in for its other replicas."""
        self._put(connection, credentials)

    @_transaction
    def update(self, connection: Connection, credentials: Credentials) -> None:
        """Store a renewed token, unless the sign-in was removed meanwhile."""
        connection.execute(
            "UPDATE telecmi_mcp.sign_in SET sealed = %s, renews = %s, version = %s "
            "WHERE base_url = %s AND user_id = %s",
            self._columns(connection, credentials),
        )

    @_transaction
    def find(self, connection: Connection, account: SharedAccount) -> Credentials | None:
        """Return the account's credentials; of an organisation the newest with a password, or else the newest.

        Raises:
            ConfigurationError: The encryption key of the sign-in is missing.
            CredentialStoreUnusable: The sign-in was altered, or belongs to another account.
        """
        which, name = (_OF_ORGANISATION, account.organisation) if account.organisation else (_OF_USER, account.user_id)
        row = connection.execute(_FIND + which, (account.base_url, name)).fetchone()
        if row is None:
            return None
        user = Account(row[0], row[1])
        credentials = unpacked(user, self._vault.unseal(row[2], about=_about(user)), _STORE)
        return credentials and replace(credentials, organisation=account.organisation)

    @_transaction
    def forget(self, connection: Connection, caller: str, base_url: str) -> bool:
        """Forget the caller's sign-in, delete it if no other caller uses it, and return whether there was one."""
        _changed(connection)
        left = _leave(connection, caller, base_url)
        for user in connection.execute(_FORGET_UNUSED, (left,)).fetchall():
            connection.execute("DELETE FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s", user)
        return bool(left)

    @_transaction
    def listed(self, connection: Connection) -> list[Listed]:
        """Return all callers, sorted by name."""
        return [Listed(*row) for row in connection.execute(_LIST)]

    @_transaction
    def rekey(self, connection: Connection) -> int:
        """Encrypt with the newest key everything that has an older one, and return the number of sign-ins.

        Raises:
            ConfigurationError: A key is missing.
        """
        _changed(connection)  # every other change waits for this transaction
        for caller, base_url, user_id, organisation, bond in connection.execute(
            "SELECT c.caller, c.base_url, s.user_id, c.organisation, c.bond "
            "FROM telecmi_mcp.caller_sign_in c JOIN telecmi_mcp.sign_in s USING (sign_in_id)"
        ).fetchall():
            about = _bond(caller, Account(base_url, user_id), organisation)
            self._seal_anew(connection, _PUT_BOND, bond, about, (caller, base_url))
        rows = connection.execute("SELECT sign_in_id, base_url, user_id, sealed FROM telecmi_mcp.sign_in").fetchall()
        return sum(
            self._seal_anew(connection, _PUT_SEALED, sealed, _about(Account(base_url, user_id)), (sign_in_id,))
            for sign_in_id, base_url, user_id, sealed in rows
        )

    @_transaction
    def revision(self, connection: Connection) -> int:
        """Return a number that increases with every change."""
        return _number(connection, "SELECT revision FROM telecmi_mcp.sign_in_revision")

    @_transaction
    def memberships(self, connection: Connection, base_url: str) -> list[Membership]:
        """Return the callers of each sign-in at a TeleCMI, without decrypting secrets."""
        rows = connection.execute(
            "SELECT c.caller, c.organisation, c.bond, s.user_id FROM telecmi_mcp.caller_sign_in c "
            "JOIN telecmi_mcp.sign_in s USING (sign_in_id) WHERE s.base_url = %s",
            (base_url,),
        )
        found = []
        for caller, organisation, bond, user_id in rows:
            account = SharedAccount(base_url, "" if organisation else user_id, organisation)
            fault = self._fault(bond, _bond(caller, Account(base_url, user_id), organisation))
            found.append(Membership(caller, account, fault))
        return found

    @property
    def _vault(self) -> Vault:
        if self._given_vault is None:
            raise ConfigurationError(hint=f"Set {ENCRYPTION_KEYS.variable}", fact="callers' sign-ins are encrypted")
        return self._given_vault

    def _put(self, connection: Connection, credentials: Credentials) -> int:
        return _number(
            connection,
            "INSERT INTO telecmi_mcp.sign_in (sealed, renews, version, base_url, user_id) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (base_url, user_id) DO UPDATE SET sealed = excluded.sealed, renews = excluded.renews, "
            "version = excluded.version, kept_at = now() RETURNING sign_in_id",
            *self._columns(connection, credentials),
        )

    def _columns(self, connection: Connection, credentials: Credentials) -> tuple[bytes, bool, int, str, str]:
        """Return the columns of a sign-in; only replicas of the previous version read its own version."""
        account = credentials.account
        sealed = self._vault.seal(packed(credentials), about=_about(account))
        return sealed, credentials.password is not None, _changed(connection), account.base_url, account.user_id

    def _fault(self, bond: bytes, about: str) -> Fault | None:
        try:
            self._vault.unseal(bond, about=about)
        except (ConfigurationError, CredentialStoreUnusable) as why:
            return Fault(type(why), why.hint, why.fact)
        return None

    def _seal_anew(
        self, connection: Connection, update: LiteralString, sealed: bytes, about: str, row: tuple[object, ...]
    ) -> bool:
        if self._vault.is_newest(sealed):
            return False
        connection.execute(update, (self._vault.seal(self._vault.unseal(sealed, about=about), about=about), *row))
        return True


def note_refusal(connection: Connection, account: Account) -> None:
    """Make an organisation prefer other sign-ins to that of a user whose password was refused."""
    connection.execute(
        "UPDATE telecmi_mcp.sign_in SET renews = false, version = %s WHERE base_url = %s AND user_id = %s",
        (_changed(connection), account.base_url, account.user_id),
    )


def _leave(connection: Connection, caller: str, base_url: str) -> list[int]:
    return [sign_in_id for (sign_in_id,) in connection.execute(_LEAVE, (caller, base_url))]


def _changed(connection: Connection) -> int:
    """Increase the revision; every other change waits here until the transaction ends."""
    return _number(connection, "UPDATE telecmi_mcp.sign_in_revision SET revision = revision + 1 RETURNING revision")


def _number(connection: Connection, query: LiteralString, *values: object) -> int:
    (number,) = connection.execute(query, values).fetchone() or (0,)
    return int(number)


def _about(account: Account) -> str:
    return json.dumps(["sign-in", account.base_url, account.user_id])


def _bond(caller: str, account: Account, organisation: str) -> str:
    return json.dumps(["caller", caller, account.base_url, account.user_id, organisation])
