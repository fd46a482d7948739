"""The configuration of a team's server, read from the environment once and never again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from telecmi_mcp._config.settings import Settings
from telecmi_mcp._team.config import variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telecmi_mcp._team.config.variables import Address


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """The configuration of a team's server.

    Attributes:
        common: What every server takes.
        listen: Where it listens.
        public_url: The address of ``/mcp`` that callers use; "" where only this machine calls.
        allowed_hosts: Host headers that are let in besides this machine's own.
        allowed_origins: Origins of web pages that may call.
        callers: Who may call: ``anyone``, ``keys`` or ``oauth``.
        issuer: Whose OAuth tokens are taken; "" for nobody's.
        jwks_url: Where the issuer's public keys are; "" for where its metadata says.
        audience: Whom the tokens are for; "" for the public address.
        scope: The scope that a token must have.
        sign_ins: Whose TeleCMI token is used: the ``service``'s, or the ``callers``' own.
        database_url: The PostgreSQL database; ``None`` for none.
        encryption_keys: What sign-ins are encrypted with, the newest first; ``None`` where a file holds them.
        encryption_keys_file: That file.
        caller_rate_limit: Calls a minute of one caller on all replicas; 0 for no limit.
        caller_concurrency: Calls of one caller at once on one replica; 0 for no limit.
        account_rate_limit: Requests a minute to TeleCMI for one account from all replicas; 0 for no limit.
        audit: Where one line for each call goes: ``stdout``, ``stderr`` or ``off``.
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
    encryption_keys: SecretStr | None = None
    encryption_keys_file: Path | None = None
    caller_rate_limit: int = int(variables.CALLER_RATE.default)
    caller_concurrency: int = int(variables.CALLER_CONCURRENCY.default)
    account_rate_limit: int = int(variables.ACCOUNT_RATE.default)
    audit: str = variables.AUDIT.default

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> TeamSettings:
        """Read the settings from environment variables; "" and a literal ``${...}`` mean unset.

        Raises:
            ConfigurationError: A value cannot be used, or two do not fit together. The sentence names variables, never
                values.
        """
        values = variables.team_values_of(environ)
        variables.refuse_contradictions(values)
        secrets = {name: SecretStr(values[name]) if values[name] else None for name in _SECRETS}
        return cls(common=Settings.from_env(environ), **{**values, **secrets})

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """What must not show in a log: the passwords in it too, apart from what is around them."""
        url = self.database_url.get_secret_value() if self.database_url else ""
        keys = self.encryption_keys.get_secret_value() if self.encryption_keys else ""
        texts = (url, _password_of(url), *(key.strip() for key in keys.split(",")))
        return tuple(SecretStr(text) for text in texts if text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("settings hold a secret and are never pickled")


def _password_of(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


_SECRETS = ("database_url", "encryption_keys")
