"""Configuration of the team server, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from telecmi_mcp._config.settings import Settings
from telecmi_mcp._team.config import variables
from telecmi_mcp._team.config.addresses import authority_of
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from telecmi_mcp._config.variables import Setting
    from telecmi_mcp._team.config.addresses import Authority
    from telecmi_mcp._team.config.variables import Address


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """Configuration of the team server.

    Attributes:
        common: Settings of every server.
        listen: Where it listens.
        public_url: The address of ``/mcp`` that callers use; "" where only this machine calls.
        allowed_hosts: Host headers that are accepted besides this machine's own.
        allowed_origins: Origins of web pages that may call.
        callers: Who may call: ``anyone``, ``keys`` or ``oauth``.
        issuer: Issuer of the accepted OAuth tokens; "" for none.
        jwks_url: Address of the issuer's public keys; "" to take it from the issuer's metadata.
        audience: Audience of the tokens; "" for the public address.
        scope: The scope that a token must have.
        sign_ins: Whose TeleCMI token is used: that of the ``service`` or of the ``callers``.
        database_url: The PostgreSQL database; ``None`` for none.
        database_direct_url: The same database for locks, without a pooler; ``None`` for ``database_url``.
        encryption_keys: Keys that encrypt sign-ins, the newest first; ``None`` if a file holds them.
        encryption_keys_file: File with these keys.
        caller_rate_limit: Calls a minute of one caller on all replicas; 0 for no limit.
        caller_concurrency: Calls of one caller at once on one replica; 0 for no limit.
        account_rate_limit: Requests a minute to TeleCMI for one account from all replicas; 0 for no limit.
        audit: Where one line for each call goes: ``stdout``, ``stderr`` or ``off``.
        audit_keys_file: File with the keys by which the audit names contacts, the newest first; ``None`` for none.
        admin_listen: Where it listens for administrators; ``None`` for nowhere.
        admin_key_file: File with the administrators' key; ``None`` for none.
    """

    common: Settings = field(default_factory=Settings)
    listen: Address = variables.LOOPBACK
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    callers: str = "anyone"
    issuer: str = ""
    jwks_url: str = ""
    audience: str = ""
    scope: str = variables.SCOPE.default
    sign_ins: str = "service"
    database_url: SecretStr | None = None
    database_direct_url: SecretStr | None = None
    encryption_keys: SecretStr | None = None
    encryption_keys_file: Path | None = None
    caller_rate_limit: int = int(variables.CALLER_RATE.default)
    caller_concurrency: int = int(variables.CALLER_CONCURRENCY.default)
    account_rate_limit: int = int(variables.ACCOUNT_RATE.default)
    audit: str = variables.AUDIT.default
    audit_keys_file: Path | None = None
    admin_listen: Address | None = None
    admin_key_file: Path | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> TeamSettings:
        """Read the settings from environment variables; "" and a literal ``${...}`` mean unset.

        Raises:
            ConfigurationError: A value cannot be used, or two do not fit together. The sentence names variables, never
                values.
        """
        values = variables.team_values_of(environ)
        secrets = {name: SecretStr(values[name]) if values[name] else None for name in _SECRETS}
        settings = cls(common=Settings.from_env(environ), **{**values, **secrets})
        for setting, fact in chain(_contradictions(settings), _admin_contradictions(settings)):
            raise ConfigurationError(hint=f"Set {setting.variable}", fact=fact)
        return settings

    @property
    def hosts(self) -> tuple[Authority, ...]:
        """Hosts that callers may name besides this machine's own: the allowed ones and that of the public address."""
        names = (*self.allowed_hosts, urlsplit(self.public_url).netloc)
        return tuple(filter(None, map(authority_of, names)))

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """Texts that must not appear in a log, and each password in them on its own."""
        urls = [url.get_secret_value() for url in (self.database_url, self.database_direct_url) if url]
        keys = self.encryption_keys.get_secret_value() if self.encryption_keys else ""
        texts = (*urls, *map(_password_of, urls), *(key.strip() for key in keys.split(",")))
        return tuple(SecretStr(text) for text in texts if text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("settings hold a secret and are never pickled")


def _password_of(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def _contradictions(settings: TeamSettings) -> Iterator[tuple[Setting, str]]:
    """Yield each setting that another one requires, and the reason."""
    is_loopback, callers = settings.listen.is_loopback, settings.callers
    # Under ``create_app`` the listening address is not known, so no host may be that of another machine.
    if callers == "anyone" and not (is_loopback and all(host.is_loopback for host in settings.hosts)):
        yield variables.WHO, "an address that other machines reach needs callers with keys or with OAuth tokens"
    if not is_loopback and not settings.hosts:
        yield variables.ALLOWED_HOSTS, "an address that other machines reach needs the host names that callers may use"
    if callers == "keys" and settings.database_url is None:
        yield variables.DATABASE_URL, "access keys are kept in a database"
    if callers == "oauth" and not settings.issuer:
        yield variables.ISSUER, "OAuth tokens are taken from one issuer only"
    if callers == "oauth" and not settings.public_url:
        yield variables.PUBLIC_URL, "OAuth tokens are taken for one address only"
    if settings.sign_ins == "callers":
        if callers == "anyone":
            yield variables.WHO, "callers can have sign-ins of their own only where each of them is known"
        if settings.database_url is None:
            yield variables.DATABASE_URL, "callers' sign-ins are kept in a database"
        if settings.encryption_keys is None and settings.encryption_keys_file is None:
            yield variables.ENCRYPTION_KEYS, "callers' sign-ins are encrypted"


def _admin_contradictions(settings: TeamSettings) -> Iterator[tuple[Setting, str]]:
    address = settings.admin_listen
    if address is None or address.is_loopback:
        return
    if settings.admin_key_file is None:
        yield variables.ADMIN_KEY_FILE, "an administrators' address that other machines reach needs a key"
    if address.is_any and not settings.hosts:
        yield variables.ALLOWED_HOSTS, "an address that other machines reach needs the host names that they may use"


_SECRETS = ("database_url", "database_direct_url", "encryption_keys")
