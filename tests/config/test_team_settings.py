"""The settings of a team server: valid values, the errors of invalid ones, and conflicts between settings."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp._config.distribution import requirement
from telecmi_mcp._team.accounts.app_pool import open_apps
from telecmi_mcp._team.config import variables
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.config.variables import TEAM, Address
from telecmi_mcp._team.context import require_extra
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from telecmi_mcp._config.variables import Setting

DATABASE = "postgresql://team:pg-secret-5e7c@db.example.com/telecmi"
ISSUER, PUBLIC = "https://id.example.com", "https://mcp.example.com/mcp"
KEYS = {"TELECMI_CALLERS": "keys", "TELECMI_DATABASE_URL": DATABASE}
OAUTH = {"TELECMI_CALLERS": "oauth", "TELECMI_OAUTH_ISSUER": ISSUER, "TELECMI_PUBLIC_URL": PUBLIC}


def refused(environ: dict[str, str]) -> str:
    """Return the error of invalid settings."""
    with pytest.raises(ConfigurationError) as caught:
        TeamSettings.from_env(environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (variables.HTTP, "65536"),
        (variables.HTTP, ":65536"),
        (variables.HTTP, "-1"),
        (variables.HTTP, "٨٠٠٠"),
        (variables.HTTP, "8" * 5000),
        (variables.HTTP, "::8000"),
        (variables.HTTP, "[]:8000"),
        (variables.HTTP, "[:8000"),
        (variables.HTTP, "[::1:8000"),
        (variables.HTTP, "*:8000"),
        (variables.HTTP, "127.0.0.1"),
        (variables.HTTP, "localhost:"),
        (variables.HTTP, "contacts.example.com:8000"),
        (variables.HTTP, "127.0.0.1:65536"),
        (variables.HTTP, "127.0.0.1:-1"),
        (variables.HTTP, "127.0.0.1:"),
        (variables.PUBLIC_URL, "http://mcp.example.com/mcp"),
        (variables.PUBLIC_URL, "https://user@mcp.example.com/mcp"),
        (variables.PUBLIC_URL, "https://mcp.example.com:http/mcp"),
        (variables.PUBLIC_URL, "https://mcp..example.com/mcp"),
        (variables.ALLOWED_HOSTS, "https://mcp.example.com"),
        (variables.ALLOWED_HOSTS, "*.*.example.org"),
        (variables.ALLOWED_HOSTS, "mcp.example.com:99999999"),
        (variables.ALLOWED_HOSTS, "mcp.example.com:65536"),
        (variables.ALLOWED_HOSTS, "[2001:::1]"),
        (variables.ALLOWED_ORIGINS, "pages.example.org"),
        (variables.ALLOWED_ORIGINS, "https://app.example.com/page"),
        (variables.WHO, "everybody"),
        (variables.ISSUER, "http://id.example.com"),
        (variables.JWKS_URL, "file:///keys"),
        (variables.AUDIENCE, "two words"),
        (variables.SCOPE, "contacts:read contacts:write"),
        (variables.WHOSE, "mine"),
        (variables.DATABASE_URL, "mysql://team@db.example.com/telecmi"),
        (variables.CALLER_RATE, "-1"),
        (variables.CALLER_RATE, "many"),
        (variables.CALLER_CONCURRENCY, "1001"),
        (variables.ACCOUNT_RATE, "1e3"),
        (variables.AUDIT, "syslog"),
        (variables.AUDIT_KEYS_FILE, "a\u200bb"),
        (variables.ADMIN_HTTP, "status.example.com:9464"),
        (variables.ADMIN_HTTP, "127.0.0.1:65536"),
    ],
)
def test_what_cannot_be_used_is_refused_by_the_name_of_its_variable(setting: Setting, value: str) -> None:
    sentence = refused({setting.variable: value})
    assert setting.variable in sentence
    assert value not in sentence


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"TELECMI_HTTP": "0.0.0.0:8000"}, "TELECMI_CALLERS"),
        ({"TELECMI_HTTP": ":8000"}, "TELECMI_CALLERS"),
        ({"TELECMI_HTTP": "[::]:8000", **KEYS}, "TELECMI_ALLOWED_HOSTS"),
        ({"TELECMI_ALLOWED_HOSTS": "mcp.example.com"}, "TELECMI_CALLERS"),
        ({"TELECMI_PUBLIC_URL": PUBLIC}, "TELECMI_CALLERS"),
        ({"TELECMI_CALLERS": "keys"}, "TELECMI_DATABASE_URL"),
        ({**OAUTH, "TELECMI_OAUTH_ISSUER": ""}, "TELECMI_OAUTH_ISSUER"),
        ({**OAUTH, "TELECMI_PUBLIC_URL": ""}, "TELECMI_PUBLIC_URL"),
        ({"TELECMI_SIGN_INS": "callers"}, "TELECMI_CALLERS"),
        ({**OAUTH, "TELECMI_SIGN_INS": "callers"}, "TELECMI_DATABASE_URL"),
        ({**KEYS, "TELECMI_SIGN_INS": "callers"}, "TELECMI_ENCRYPTION_KEYS"),
        ({"TELECMI_ADMIN_HTTP": "192.0.2.7:9464"}, "TELECMI_ADMIN_KEY_FILE"),
        ({"TELECMI_ADMIN_HTTP": "[::]:9464"}, "TELECMI_ADMIN_KEY_FILE"),
        ({"TELECMI_ADMIN_HTTP": "0.0.0.0:9464", "TELECMI_ADMIN_KEY_FILE": "/run/key"}, "TELECMI_ALLOWED_HOSTS"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_says_what_to_set(environ: dict[str, str], variable: str) -> None:
    assert refused(environ).startswith(f"Set {variable}")


def test_empty_values_and_literal_placeholders_mean_unset() -> None:
    empty = TeamSettings.from_env(dict.fromkeys((setting.variable for setting in TEAM), "  "))
    literal = TeamSettings.from_env(dict.fromkeys((setting.variable for setting in TEAM), "${user_config.x}"))
    assert empty == literal == TeamSettings.from_env({}) == TeamSettings()


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("8000", ("127.0.0.1", 8000)),
        (" 0 ", ("127.0.0.1", 0)),
        ("localhost:80", ("localhost", 80)),
        ("[::1]:8000", ("::1", 8000)),
        (":8000", ("0.0.0.0", 8000)),  # noqa: S104 - as other servers take it; it needs callers with keys or tokens
        ("0.0.0.0:8000", ("0.0.0.0", 8000)),  # noqa: S104 - the same
    ],
)
def test_a_port_alone_is_one_of_this_machine_and_a_colon_before_it_means_all_addresses(
    text: str, listen: tuple[str, int]
) -> None:
    hosts = {"TELECMI_ALLOWED_HOSTS": "mcp.example.com"}
    assert TeamSettings.from_env({**KEYS, **hosts, "TELECMI_HTTP": text}).listen == listen


def test_a_public_server_with_keys_takes_what_it_is_given() -> None:
    hosts = {"TELECMI_ALLOWED_HOSTS": "a.example.com, *.b.example.com:8443,", "TELECMI_HTTP": "[2001:db8::1]:80"}
    settings = TeamSettings.from_env({**KEYS, **hosts, "TELECMI_CALLER_RATE_LIMIT": "0"})
    assert settings.listen == Address("2001:db8::1", 80)
    assert settings.allowed_hosts == ("a.example.com", "*.b.example.com:8443")
    assert settings.caller_rate_limit == 0


@pytest.mark.parametrize(
    "environ",
    [
        {"TELECMI_ADMIN_HTTP": "127.0.0.1:9464"},
        {"TELECMI_ADMIN_HTTP": "[::1]:9464"},
        {"TELECMI_ADMIN_HTTP": "localhost:9464"},
        {"TELECMI_ADMIN_HTTP": "192.0.2.7:9464", "TELECMI_ADMIN_KEY_FILE": "/run/key"},
        {
            "TELECMI_ADMIN_HTTP": "0.0.0.0:9464",
            "TELECMI_ADMIN_KEY_FILE": "/run/key",
            "TELECMI_PUBLIC_URL": PUBLIC,
            **KEYS,
        },
    ],
)
def test_an_address_of_administrators_needs_a_key_where_other_machines_reach_it(environ: dict[str, str]) -> None:
    settings = TeamSettings.from_env(environ)
    assert settings.admin_listen is not None
    assert settings.admin_listen.port == 9464


def test_no_secret_is_in_what_settings_say_of_themselves() -> None:
    settings = TeamSettings.from_env({**KEYS, "TELECMI_ENCRYPTION_KEYS": "key-secret-77"})
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == DATABASE
    assert "secret" not in repr(settings).replace("SecretStr", "")
    with pytest.raises(TypeError):
        pickle.dumps(settings)


@pytest.mark.parametrize("environ", [KEYS, OAUTH, {"TELECMI_ADMIN_HTTP": "127.0.0.1:9464"}])
def test_without_the_extra_it_says_what_to_install(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    require_extra(TeamSettings.from_env(environ))
    monkeypatch.setattr("telecmi_mcp._team.context.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=re.escape(f"pip install '{requirement('team')}'")):
        require_extra(TeamSettings.from_env(environ))
    require_extra(TeamSettings())


async def test_callers_never_read_with_the_services_sign_in_where_their_own_cannot_be_had() -> None:
    with pytest.raises(ConfigurationError, match="TELECMI_DATABASE_URL"):
        async with open_apps(TeamSettings(sign_ins="callers"), None):
            pytest.fail("it was opened")
