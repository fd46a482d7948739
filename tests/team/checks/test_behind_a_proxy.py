"""``team check`` through a real nginx with TLS, before two real replicas, and through one that is set up wrongly."""

from __future__ import annotations

import re
import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from team.nginx import Nginx, replaced
from team.stage import Stage, open_stage
from telecmi_mcp._doctor import CheckResult, Verdict
from telecmi_mcp._team.checks.listening import check_server
from telecmi_mcp._team.checks.public_url import check_public_url
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.config.variables import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[3] / "docs" / "teams.md").read_text(encoding="utf8")
PUBLIC = "contacts.example.com"


class ChangedNginx(Nginx):
    """The project's nginx with another text at one place of its configuration."""

    def __init__(self, folder: Path, stage: Stage, place: str, other: str) -> None:
        super().__init__(folder, [each.port for each in stage.replicas])
        self._change = {place: other}

    def _places(self) -> dict[str, str]:
        return {**super()._places(), **self._change}


class PageNginx(Nginx):
    """nginx with the lines of docs/teams.md, to which it adds what Debian's main file has."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        super().__init__(folder, [each.port for each in stage.replicas])
        (self._lines,) = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)

    def configuration(self) -> str:
        """Return the lines, with other ports and paths."""
        port = self.url.split(":")[2].partition("/")[0]
        places = {
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "/etc/ssl/contacts.pem": f"{self._folder}/certificate.pem",
            "/etc/ssl/contacts.key": f"{self._folder}/key.pem",
            "127.0.0.1:8000": f"127.0.0.1:{self._replicas[0]}",
        }
        paths = "".join(
            f"{kind}_temp_path {self._folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        logs = f"error_log {self._folder}/error.log; access_log {self._folder}/access.log;"
        return f"pid {self._folder}/pid; events {{}} http {{ {paths} {logs} {replaced(self._lines, places)} }}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("stage"), TELECMI_ALLOWED_HOSTS=f"{PUBLIC}:*") as stage:
        yield stage


def settings(stage: Stage, url: str, **changes: object) -> TeamSettings:
    listen = Address("127.0.0.1", stage.replicas[0].port)
    known = TeamSettings(callers="keys", public_url=url, listen=listen)
    return replace(known, **changes)  # type: ignore[arg-type]  # of different types


async def found(stage: Stage, nginx: Nginx) -> dict[str, CheckResult]:
    trust = ssl.create_default_context(cafile=nginx.certificate)
    results = await check_public_url(settings(stage, nginx.url), trust=trust)
    return {result.about: result for result in results}


async def test_the_projects_nginx_is_as_it_should_be(stage: Stage, tmp_path: Path) -> None:
    with Nginx(tmp_path / "nginx", [each.port for each in stage.replicas]).running() as nginx:
        results = await found(stage, nginx)
        assert results["Public URL"].says == "answers, and refuses a request without a key or token"
        assert results["Public URL"].verdict is results["Certificate"].verdict is Verdict.GOOD
        assert results["Authorization"].verdict is Verdict.GOOD
        (untrusted,) = await check_public_url(settings(stage, nginx.url))
        assert untrusted.says == "its certificate is not trusted by this machine"


async def test_the_lines_of_the_page_for_nginx_are_enough(stage: Stage, tmp_path: Path) -> None:
    with PageNginx(tmp_path / "nginx", stage).running() as nginx:
        results = await found(stage, nginx)
    assert results["Public URL"].verdict is results["Certificate"].verdict is Verdict.GOOD
    assert results["Authorization"].verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("place", "other", "says"),
    [
        ("proxy_set_header Host $http_host;", "proxy_set_header Host replicas;", "the Host that arrives (421)"),
        ("location = /mcp {", "location = /elsewhere {", "nothing is at this path (404)"),
        ("location = /mcp {", "location = /mcp { return 301 https://$host/;", "it redirects (301)"),
        ("location = /mcp {", "location = /mcp { limit_except GET { deny all; }", "refuses the request (403)"),
    ],
)
async def test_a_proxy_that_is_set_up_wrongly_is_told_with_the_reason(
    stage: Stage, tmp_path: Path, place: str, other: str, says: str
) -> None:
    with ChangedNginx(tmp_path / "nginx", stage, place, other).running() as nginx:
        results = await found(stage, nginx)
    assert results["Public URL"].verdict is Verdict.BAD
    assert says in results["Public URL"].says
    assert "Authorization" not in results


@pytest.mark.parametrize(
    ("header", "says"), [("", "does not arrive at the server"), ("Bearer x", "arrives with one, which is not valid")]
)
async def test_a_proxy_that_changes_authorization_is_told(stage: Stage, tmp_path: Path, header: str, says: str) -> None:
    other = f'location = /mcp {{ proxy_set_header Host $http_host; proxy_set_header Authorization "{header}";'
    with ChangedNginx(tmp_path / "nginx", stage, "location = /mcp {", other).running() as nginx:
        results = await found(stage, nginx)
    assert (results["Authorization"].verdict, says in results["Authorization"].says) == (Verdict.BAD, True)


async def test_a_proxy_without_a_server_behind_it_and_a_stopped_proxy_are_told_apart(
    stage: Stage, tmp_path: Path
) -> None:
    with Nginx(tmp_path / "nginx", [1, 1]).running() as nginx:
        assert "does not reach the server (502)" in (await found(stage, nginx))["Public URL"].says
    (stopped,) = await check_public_url(settings(stage, nginx.url))
    assert stopped.says == "nothing listens there"


async def test_the_server_itself_is_asked_whether_it_takes_requests_for_the_public_host(stage: Stage) -> None:
    known = await check_server(settings(stage, f"https://{PUBLIC}/mcp"))
    assert (known.verdict, known.says) == (Verdict.GOOD, "alive and ready")
    other = await check_server(settings(stage, "https://other.example.com/mcp"))
    assert (other.verdict, other.advice) == (Verdict.BAD, "Restart it with these settings.")
    everywhere = replace(settings(stage, f"https://{PUBLIC}/mcp"), listen=Address("::", stage.replicas[0].port))
    assert (await check_server(everywhere)).says.startswith("nothing listens at :::")
