"""Settings of the team server besides those of every server."""

from __future__ import annotations

import re
from ipaddress import ip_address
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
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CALLERS = ("anyone", "keys", "oauth")
SIGN_INS = ("service", "callers")
AUDITS = ("stdout", "stderr", "off")

_MAX_RATE = 1_000_000
_MAX_CONCURRENCY = 1000
_SCOPE = re.compile(r"[!#-\[\]-~]{1,128}")  # a scope-token of RFC 6749
_MAX_PORT = 65_535

HTTP = Setting(
    "TELECMI_HTTP",
    "HOST:PORT, the host an IP address or localhost",
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
TEAM = (
    HTTP,
    PUBLIC_URL,
    ALLOWED_HOSTS,
    ALLOWED_ORIGINS,
    WHO,
    ISSUER,
    JWKS_URL,
    AUDIENCE,
    SCOPE,
    WHOSE,
    DATABASE_URL,
    ENCRYPTION_KEYS,
    ENCRYPTION_KEYS_FILE,
    CALLER_RATE,
    CALLER_CONCURRENCY,
    ACCOUNT_RATE,
    AUDIT,
)


class Address(NamedTuple):
    """Address that a server listens at."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


LOOPBACK = Address("127.0.0.1", 8000)


def team_values_of(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the environment variables by the names of ``TeamSettings``.

    Raises:
        ConfigurationError: A value cannot be used. The sentence names the variable, never the value.
    """
    return {
        "listen": _address(environ),
        "public_url": _public_url(environ),
        "allowed_hosts": _listed(environ, ALLOWED_HOSTS, authority_of),
        "allowed_origins": _listed(environ, ALLOWED_ORIGINS, origin_of),
        "callers": one_of(environ, WHO, CALLERS, str.lower),
        "issuer": web_address(environ, ISSUER),
        "jwks_url": web_address(environ, JWKS_URL),
        "audience": _word(environ, AUDIENCE),
        "scope": _scope(environ),
        "sign_ins": one_of(environ, WHOSE, SIGN_INS, str.lower),
        "database_url": _database_url(environ),
        "encryption_keys": value_of(environ, ENCRYPTION_KEYS),
        "encryption_keys_file": path_of(environ, ENCRYPTION_KEYS_FILE),
        "caller_rate_limit": whole_number(environ, CALLER_RATE, most=_MAX_RATE),
        "caller_concurrency": whole_number(environ, CALLER_CONCURRENCY, most=_MAX_CONCURRENCY),
        "account_rate_limit": whole_number(environ, ACCOUNT_RATE, most=_MAX_RATE),
        "audit": one_of(environ, AUDIT, AUDITS, str.lower),
    }


def _address(environ: Mapping[str, str]) -> Address:
    host, _, port = value_of(environ, HTTP).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdecimal() and int(port) <= _MAX_PORT and (host == "localhost" or _is_ip(host))):
        raise unusable(HTTP)
    return Address(host, int(port))


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _listed(environ: Mapping[str, str], setting: Setting, read: Callable[[str], object]) -> tuple[str, ...]:
    listed = tuple(filter(None, (each.strip() for each in value_of(environ, setting).split(","))))
    if None in map(read, listed):
        raise unusable(setting)
    return listed


def _public_url(environ: Mapping[str, str]) -> str:
    text = web_address(environ, PUBLIC_URL)
    if text and authority_of(urlsplit(text).netloc) is None:  # no Host header can be equal to it
        raise unusable(PUBLIC_URL)
    return text


def _word(environ: Mapping[str, str], setting: Setting) -> str:
    text = value_of(environ, setting)
    if not text.isprintable() or " " in text:
        raise unusable(setting)
    return text


def _scope(environ: Mapping[str, str]) -> str:
    text = value_of(environ, SCOPE)
    if not _SCOPE.fullmatch(text):
        raise unusable(SCOPE)
    return text


def _database_url(environ: Mapping[str, str]) -> str:
    text = value_of(environ, DATABASE_URL)
    if text and not (text.isprintable() and text.startswith(("postgresql://", "postgres://"))):
        raise unusable(DATABASE_URL)
    return text


_CONTRADICTIONS: tuple[tuple[Setting, str, Callable[[Mapping[str, Any]], bool]], ...] = (
    (
        WHO,
        "an address that other machines reach needs callers with keys or with OAuth tokens",
        lambda values: values["callers"] == "anyone" and not _stays_on_this_machine(values),
    ),
    (
        ALLOWED_HOSTS,
        "an address that other machines reach needs the host names that callers may use",
        lambda values: not (values["listen"].is_loopback or values["allowed_hosts"] or values["public_url"]),
    ),
    (
        DATABASE_URL,
        "access keys are kept in a database",
        lambda values: values["callers"] == "keys" and not values["database_url"],
    ),
    (
        ISSUER,
        "OAuth tokens are taken from one issuer only",
        lambda values: values["callers"] == "oauth" and not values["issuer"],
    ),
    (
        PUBLIC_URL,
        "OAuth tokens are taken for one address only",
        lambda values: values["callers"] == "oauth" and not values["public_url"],
    ),
    (
        WHO,
        "callers can have sign-ins of their own only where each of them is known",
        lambda values: values["sign_ins"] == "callers" and values["callers"] == "anyone",
    ),
    (
        DATABASE_URL,
        "callers' sign-ins are kept in a database",
        lambda values: values["sign_ins"] == "callers" and not values["database_url"],
    ),
    (
        ENCRYPTION_KEYS,
        "callers' sign-ins are encrypted",
        lambda values: (
            values["sign_ins"] == "callers" and not (values["encryption_keys"] or values["encryption_keys_file"])
        ),
    ),
)


def _stays_on_this_machine(values: Mapping[str, Any]) -> bool:
    """Whether all accepted host names are loopback: under ``create_app`` the listening address is not known."""
    public = urlsplit(values["public_url"]).netloc
    named = [authority_of(host) for host in (*values["allowed_hosts"], *([public] if public else []))]
    return values["listen"].is_loopback and all(each is not None and each.is_loopback for each in named)


def refuse_contradictions(values: Mapping[str, Any]) -> None:
    """Refuse settings that contradict each other, before anything is opened.

    Raises:
        ConfigurationError: The sentence says what to set.
    """
    for setting, fact, is_wrong in _CONTRADICTIONS:
        if is_wrong(values):
            raise ConfigurationError(hint=f"Set {setting.variable}", fact=fact)
