"""compose.yaml: what it sets exists and fits together, what it needs is there, and no part has more than it needs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

import telecmi_mcp
from paths import ROOT
from telecmi_mcp._config import variables
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.config.variables import TEAM

TEXT = (ROOT / "compose.yaml").read_text(encoding="utf8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
REPLICAS = [service for service in SERVICES.values() if "build" in service]
NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf8")


def test_there_are_two_replicas_nginx_and_postgresql() -> None:
    assert list(SERVICES) == ["replica-1", "replica-2", "nginx", "postgres"]
    first, second = ({**replica, "networks": None} for replica in REPLICAS)
    assert first == second


def test_every_variable_is_a_setting_and_what_is_set_fits_together() -> None:
    environment = REPLICAS[0]["environment"]
    assert environment.keys() <= {each.variable for each in (*variables.ALL, *TEAM)}
    settings = TeamSettings.from_env(environment)
    assert settings.listen.port == 8000
    assert settings.callers != "anyone"


def test_no_secret_is_in_it() -> None:
    secret = {each.variable for each in (*variables.ALL, *TEAM) if each.secret} - {"TELECMI_DATABASE_URL"}
    names = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert not names & (secret | {"POSTGRES_PASSWORD", "PGPASSWORD"})
    address = REPLICAS[0]["environment"]["TELECMI_DATABASE_URL"]
    assert re.fullmatch(r"postgresql://\w+@\w+/\w+\?passfile=/run/secrets/\w+", address)


def test_each_secret_is_a_file_that_a_service_needs_and_the_page_creates() -> None:
    page = (ROOT / "docs" / "teams.md").read_text(encoding="utf8")
    asked = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert asked == COMPOSE["secrets"].keys()
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
        assert f"secrets/{name}" in page


@pytest.mark.parametrize("name", SERVICES)
def test_no_part_has_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service
    assert service in REPLICAS or re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])  # a replica's is in its image


def test_only_nginx_is_reached_from_outside_and_the_database_reaches_nothing() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert SERVICES["postgres"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert "data" not in SERVICES["nginx"]["networks"]


def test_images_are_pinned_by_tag() -> None:
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z-]+:\d+\.\d+(\.\d+)?(-\w+\.?\d*)?", service["image"]), service["image"]
    assert REPLICAS[0]["image"].endswith(f":{telecmi_mcp.__version__}")
    assert REPLICAS[0]["build"]["target"] == "team"


def test_the_database_has_a_volume_and_is_awaited_until_it_is_healthy() -> None:
    (volume,) = SERVICES["postgres"]["volumes"]
    assert volume.split(":")[0] in COMPOSE["volumes"]
    assert "pg_isready" in SERVICES["postgres"]["healthcheck"]["test"]
    for replica in REPLICAS:
        assert replica["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        compile(replica["healthcheck"]["test"][-1], "healthcheck", "exec")


def test_nginx_knows_the_replicas_and_its_secrets_by_the_names_of_compose() -> None:
    hosts = dict(entry.split(":") for entry in SERVICES["nginx"]["extra_hosts"])
    assert hosts == {name: SERVICES[name]["networks"]["inside"]["ipv4_address"] for name in hosts}
    assert re.findall(r"^ *server (\S+):8000 .*max_fails=3 ", NGINX, re.MULTILINE) == [*hosts]
    assert re.findall(r"^ *server (\S+):8000 .*max_fails=0 backup;", NGINX, re.MULTILINE) == [*hosts]
    assert re.findall(r"/run/secrets/(\w+)", NGINX) == SERVICES["nginx"]["secrets"]
    port = re.findall(r"listen (\d+) ssl;", NGINX)[0]
    assert SERVICES["nginx"]["ports"] == [f"443:{port}"]


def test_nginx_waits_longer_than_a_call_may_take_and_a_stop_waits_for_calls() -> None:
    timeout = float(variables.TIMEOUT.default)
    (patience,) = re.findall(r"proxy_read_timeout (\d+)s;", NGINX)
    assert float(patience) > timeout
    for replica in REPLICAS:
        assert float(replica["stop_grace_period"].removesuffix("s")) > timeout + 16
