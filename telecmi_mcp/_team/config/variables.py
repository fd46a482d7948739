"""Settings of the team server besides those of every server."""

from __future__ import annotations

import re
from functools import partial
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from telecmi_mcp._config.variables import (
    Setting,
    is_loopback,
    one_of,
    path_of,
    unusable,
    value_of,
    web_address,
    whole_number,
)
from telecmi_mcp._team.config.addresses import authority_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CALLERS = ("anyone", "keys", "oauth")
SIGN_INS = ("service", "callers")
AUDITS = ("stdout", "stderr", "off")

_MAX_RATE = 1_000_000
_MAX_CONCURRENCY = 1000
_SCOPE = re.compile(r"[!#-\[\]-~]{1,128}")  # a scope-token of RFC 6749
_MAX_PORT = 65_535

_LISTENS_AT = (
    "PORT (on this machine only), :PORT (all IPv4 addresses) or HOST:PORT, the host an IP address or localhost"
)

HTTP = Setting(
    "TELECMI_HTTP",
    _LISTENS_AT,
    "Where the server listens.",
    default="127.0.0.1:8000",
    flag="--http",
)
PUBLIC_URL = Setting(
    "TELECMI_PUBLIC_URL",
    "the https address of /mcp as callers write it",
    "The address that callers use, and that OAuth tokens are for.",
    flag="--public-url",
)
ALLOWED_HOSTS = Setting(
    "TELECMI_ALLOWED_HOSTS",
    "host names with or without a port, :* for any, with commas between",
    "Host headers that are accepted besides this machine's own.",
    flag="--allowed-host",
)
ALLOWED_ORIGINS = Setting(
    "TELECMI_ALLOWED_ORIGINS",
    "origins such as https://app.example.com, with commas between",
    "Origins of web pages that may call; only browsers send an Origin.",
    flag="--allowed-origin",
)
WHO = Setting(
    "TELECMI_CALLERS",
    f"one of {', '.join(CALLERS)}",
    "Who may call: anyone (on loopback only), callers with an access key, or callers with an OAuth token.",
    default="anyone",
    flag="--callers",
)
ISSUER = Setting(
    "TELECMI_OAUTH_ISSUER",
    "the https address of the identity provider, as its tokens name it",
    "Issuer of the accepted OAuth tokens.",
    flag="--oauth-issuer",
)
JWKS_URL = Setting(
    "TELECMI_OAUTH_JWKS_URL",
    "an https address",
    "Address of the issuer's public keys; by default from the issuer's metadata.",
    flag="--oauth-jwks-url",
)
AUDIENCE = Setting(
    "TELECMI_OAUTH_AUDIENCE",
    "the aud of the tokens",
    "Audience of the tokens; by default the public address.",
    flag="--oauth-audience",
)
SCOPE = Setting(
    "TELECMI_OAUTH_SCOPE",
    "a scope",
    "The scope that a token must have.",
    default="contacts:read",
    flag="--oauth-scope",
)
WHOSE = Setting(
    "TELECMI_SIGN_INS",
    f"one of {', '.join(SIGN_INS)}",
    "Whose TeleCMI token is used: one of the service for all callers, or one of each caller.",
    default="service",
    flag="--sign-ins",
)
DATABASE_URL = Setting(
    "TELECMI_DATABASE_URL",
    "postgresql://USER:PASSWORD@HOST/NAME",
    "PostgreSQL database of keys, sign-ins and the shared index.",
    secret=True,
)
DATABASE_DIRECT_URL = Setting(
    "TELECMI_DATABASE_DIRECT_URL",
    "postgresql://USER:PASSWORD@HOST/NAME",
    "The same database without a pooler such as pgbouncer, for locks; by default TELECMI_DATABASE_URL.",
    secret=True,
)
ENCRYPTION_KEYS = Setting(
    "TELECMI_ENCRYPTION_KEYS",
    "keys of telecmi-mcp team new-key, the newest first, with commas between",
    "Keys that encrypt callers' sign-ins in the database.",
    secret=True,
)
ENCRYPTION_KEYS_FILE = Setting(
    "TELECMI_ENCRYPTION_KEYS_FILE",
    "the path of a file of mode 0600 with such keys, one a line",
    "File with the keys, instead of TELECMI_ENCRYPTION_KEYS.",
)
CALLER_RATE = Setting(
    "TELECMI_CALLER_RATE_LIMIT",
    f"a whole number from 0 to {_MAX_RATE}",
    "Calls a minute that one caller may make, on all replicas together; 0 for no limit.",
    default="240",
    flag="--caller-rate-limit",
)
CALLER_CONCURRENCY = Setting(
    "TELECMI_CALLER_CONCURRENCY",
    f"a whole number from 0 to {_MAX_CONCURRENCY}",
    "Calls that one caller may have under way at once on one replica; 0 for no limit.",
    default="16",
    flag="--caller-concurrency",
)
ACCOUNT_RATE = Setting(
    "TELECMI_ACCOUNT_RATE_LIMIT",
    f"a whole number from 0 to {_MAX_RATE}",
    "Requests a minute to TeleCMI for one account, from all replicas together; 0 for no limit.",
    default="1200",
    flag="--account-rate-limit",
)
AUDIT = Setting(
    "TELECMI_AUDIT",
    f"one of {', '.join(AUDITS)}",
    "Destination of the audit: one line of JSON for each call, without its contents.",
    default="stdout",
    flag="--audit",
)
AUDIT_KEYS_FILE = Setting(
    "TELECMI_AUDIT_KEYS_FILE",
    "the path of a file of mode 0600 with keys of telecmi-mcp team new-key, one a line, the newest first",
    "File with the keys by which the audit names contacts; without it, the audit names none.",
)
ADMIN_HTTP = Setting(
    "TELECMI_ADMIN_HTTP",
    _LISTENS_AT,
    "Where /metrics and /status are, for administrators; unset for nowhere.",
    flag="--admin-http",
)
ADMIN_KEY_FILE = Setting(
    "TELECMI_ADMIN_KEY_FILE",
    "the path of a file of mode 0600 with one line of at least 24 characters",
    "File with the administrators' key; without it only programs on this machine get /metrics and /status.",
)


class Address(NamedTuple):
    """Address that a server listens at."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def is_any(self) -> bool:
        """Whether it stands for all addresses of this machine, and so is no name of it."""
        return _is_ip(self.host) and ip_address(self.host).is_unspecified


LOOPBACK = Address("127.0.0.1", 8000)
_ALL_ADDRESSES = str(IPv4Address(0))


def _address(environ: Mapping[str, str], setting: Setting) -> Address:
    """Return the address of PORT (on this machine only), :PORT (all addresses, as in other servers) or HOST:PORT."""
    text = value_of(environ, setting)
    named, colon, port = text.rpartition(":")
    if not named:
        named = _ALL_ADDRESSES if colon else LOOPBACK.host
    host = named[1:-1] if named.startswith("[") and named.endswith("]") else named
    if not (_is_port(port) and (host == "localhost" or _is_ip(host))):
        raise unusable(setting)
    return Address(host, int(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(_MAX_PORT)) and int(text) <= _MAX_PORT


def _optional_address(environ: Mapping[str, str], setting: Setting) -> Address | None:
    return _address(environ, setting) if value_of(environ, setting) else None


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _listed(environ: Mapping[str, str], setting: Setting, *, parse: Callable[[str], object]) -> tuple[str, ...]:
    listed = tuple(filter(None, (each.strip() for each in value_of(environ, setting).split(","))))
    if None in map(parse, listed):
        raise unusable(setting)
    return listed


def _public_url(environ: Mapping[str, str], setting: Setting) -> str:
    text = web_address(environ, setting)
    if text and authority_of(urlsplit(text).netloc) is None:  # no Host header can be equal to it
        raise unusable(setting)
    return text


def _text(environ: Mapping[str, str], setting: Setting, *, is_valid: Callable[[str], object]) -> str:
    text = value_of(environ, setting)
    if text and not is_valid(text):
        raise unusable(setting)
    return text


def _is_word(text: str) -> bool:
    return text.isprintable() and " " not in text


def _is_database_url(text: str) -> bool:
    return text.isprintable() and text.startswith(("postgresql://", "postgres://"))


_FIELDS: dict[str, tuple[Setting, Callable[[Mapping[str, str], Setting], Any]]] = {
    "listen": (HTTP, _address),
    "public_url": (PUBLIC_URL, _public_url),
    "allowed_hosts": (ALLOWED_HOSTS, partial(_listed, parse=authority_of)),
    "allowed_origins": (ALLOWED_ORIGINS, partial(_listed, parse=origin_of)),
    "callers": (WHO, partial(one_of, words=CALLERS, normalize=str.lower)),
    "issuer": (ISSUER, web_address),
    "jwks_url": (JWKS_URL, web_address),
    "audience": (AUDIENCE, partial(_text, is_valid=_is_word)),
    "scope": (SCOPE, partial(_text, is_valid=_SCOPE.fullmatch)),
    "sign_ins": (WHOSE, partial(one_of, words=SIGN_INS, normalize=str.lower)),
    "database_url": (DATABASE_URL, partial(_text, is_valid=_is_database_url)),
    "database_direct_url": (DATABASE_DIRECT_URL, partial(_text, is_valid=_is_database_url)),
    "encryption_keys": (ENCRYPTION_KEYS, value_of),
    "encryption_keys_file": (ENCRYPTION_KEYS_FILE, path_of),
    "caller_rate_limit": (CALLER_RATE, partial(whole_number, most=_MAX_RATE)),
    "caller_concurrency": (CALLER_CONCURRENCY, partial(whole_number, most=_MAX_CONCURRENCY)),
    "account_rate_limit": (ACCOUNT_RATE, partial(whole_number, most=_MAX_RATE)),
    "audit": (AUDIT, partial(one_of, words=AUDITS, normalize=str.lower)),
    "audit_keys_file": (AUDIT_KEYS_FILE, path_of),
    "admin_listen": (ADMIN_HTTP, _optional_address),
    "admin_key_file": (ADMIN_KEY_FILE, path_of),
}
TEAM = tuple(setting for setting, _ in _FIELDS.values())


def team_values_of(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the environment variables by the names of ``TeamSettings``.

    Raises:
        ConfigurationError: A value cannot be used. The sentence names the variable, never the value.
    """
    return {name: read(environ, setting) for name, (setting, read) in _FIELDS.items()}
