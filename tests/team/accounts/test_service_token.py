"""What a caller reads when the sign-in of the service, which is not the caller's, does not work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport
from pydantic import SecretStr

from telecmi_mcp import Settings, errors
from telecmi_mcp._team.accounts.app_pool import open_apps
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp.sandbox import SANDBOX_USER_ID, create_sandbox

if TYPE_CHECKING:
    from pathlib import Path

ASK = r"^Ask the administrator of this server to check its sign-in to TeleCMI: "
HERE = Settings(base_url="http://localhost", index="memory")


def with_file(settings: Settings, path: Path, content: str) -> Settings:
    path.touch(0o600)
    path.write_text(content, encoding="utf8")
    return replace(settings, token_file=path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, errors.NotSignedIn),
        ({"token": SecretStr("never-valid-at-all")}, errors.TokenRejected),
        ({"user_id": SANDBOX_USER_ID, "password": SecretStr("wrong")}, errors.PasswordRejected),
        ({"token_file": "never-valid-at-all"}, errors.TokenRejected),
        ({"token_file": ""}, errors.ConfigurationError),
    ],
)
async def test_a_caller_is_told_to_ask_the_operator_whatever_the_service_signs_in_with(
    change: dict[str, Any], expected: type[errors.TelecmiError], tmp_path: Path
) -> None:
    content = change.pop("token_file", None)
    settings = replace(HERE, **change)
    if content is not None:
        settings = with_file(settings, tmp_path / "token", content)
    transport = ASGITransport(app=create_sandbox())
    async with open_apps(TeamSettings(common=settings), None, transport=transport) as apps:
        app = await apps.app_of("ann")
        with pytest.raises(expected, match=ASK) as caught:
            await app.directory.list_contacts()
    assert "TELECMI_" not in caught.value.hint
