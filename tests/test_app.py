"""The composition root: an error inside it is raised unchanged."""

from __future__ import annotations

import pytest

from conftest import SIGNED_IN
from telecmi_mcp import Settings, TelecmiError, open_app
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp.errors import NotSignedIn
from telecmi_mcp.sandbox import SANDBOX_TOKEN


async def test_an_error_inside_the_app_is_raised_unchanged() -> None:
    with pytest.raises(NotSignedIn):
        async with open_app(Settings()) as app:
            await app.client.list_contacts()


async def test_a_foreign_error_inside_the_app_is_raised_unchanged() -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_app(Settings()):
            1 / 0  # noqa: B018 - the division is the error


async def test_the_errors_have_one_root() -> None:
    assert issubclass(NotSignedIn, TelecmiError)


async def test_the_token_of_the_settings_is_a_known_secret() -> None:
    secrets = KnownSecrets()
    async with open_app(SIGNED_IN, secrets=secrets):
        assert secrets.hide(SANDBOX_TOKEN) == "[removed]"
