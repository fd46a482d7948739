"""Checks the access key for a team server, and whether the server accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp import __version__
from telecmi_mcp._connect.greeting import ask_version
from telecmi_mcp._connect.team_server import TeamServer
from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from telecmi_mcp._connect.access_keys import AccessKeys
    from telecmi_mcp._connect.endpoint import Endpoint


async def check_team_server(
    endpoint: Endpoint, keys: AccessKeys, *, connect: Callable[..., TeamServer] = TeamServer
) -> tuple[CheckResult, ...]:
    """Report whether a key is stored, and what the team server says to it.

    Args:
        endpoint: Address of the server.
        keys: The stored keys.
        connect: Returns the server of an endpoint and of a function that reads the key.
    """
    try:
        key = await keys.find(endpoint.origin)
    except TelecmiError as error:
        return (_failure("Access key", error),)

    async def read_key() -> SecretStr | None:
        return key

    stored = CheckResult("Access key", Verdict.GOOD, f"{'one is' if key else 'none'} stored for {endpoint.origin}")
    server = connect(endpoint, read_key)
    try:
        return stored, _compare(await ask_version(server))
    except TelecmiError as error:
        return stored, _failure("Team server", error)
    finally:
        await server.aclose()


def _compare(version: str) -> CheckResult:
    if version == __version__:
        return CheckResult("Team server", Verdict.GOOD, f"answers; telecmi-mcp {version}, as on this computer")
    advice = "Upgrade the older one: until then, what is shown while the server is down may differ from its tools."
    says = f"answers; telecmi-mcp {version}, and {__version__} on this computer"
    return CheckResult("Team server", Verdict.DOUBTFUL, says, advice)


def _failure(about: str, error: TelecmiError) -> CheckResult:
    return CheckResult(about, Verdict.BAD, error.fact, f"{error.hint}.")
