"""The packed bundle, unpacked and started the way Claude Desktop does it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from e2e.installs import UVS, fetch_uv, speak, surroundings
from e2e.lines import call, environment, request, started
from paths import ROOT
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_TOKEN, SANDBOX_USER_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="the tool that packs comes from npm")
pytestmark = [pytest.mark.slow, needs_npm]

PLACE = "Application Support/Claude Extensions/José ☎"


@dataclass(frozen=True)
class Host:
    """A desktop with the bundle unpacked, and the uv that it brings."""

    folder: Path
    uv: Path
    env: dict[str, str]

    @property
    def manifest(self) -> Any:
        """What the bundle says of itself."""
        return json.loads((self.folder / "manifest.json").read_text(encoding="utf8"))

    def fill_in(self, setting: Callable[[str], str]) -> tuple[list[str | Path], dict[str, str]]:
        """Return the command and the environment, with each setting that the manifest names filled in."""
        config = self.manifest["server"]["mcp_config"]
        assert config["command"] == "uv"
        command = [argument.replace("${__dirname}", str(self.folder)) for argument in config["args"]]
        names = re.compile(r"\$\{user_config\.(\w+)\}")
        filled = {name: names.sub(lambda m: setting(m[1]), value) for name, value in config["env"].items()}
        return [self.uv / config["command"], *command], {**self.env, **filled}


@pytest.fixture(scope="module")
def packed() -> Path:
    """The bundle, made anew."""
    done = subprocess.run(["make", "bundle"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "dist" / "telecmi-mcp.mcpb"


@pytest.fixture(scope="module", params=UVS)
def host(request: pytest.FixtureRequest, packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A desktop with an old uv, and one with the newest."""
    home = tmp_path_factory.mktemp("home")
    zipfile.ZipFile(packed).extractall(home / PLACE)
    host = Host(home / PLACE, fetch_uv(request.param, home / "uv"), surroundings(home))
    command, env = host.fill_in(lambda _: "")
    speak([*command, "serve", "--sandbox"], env, home)  # its first start, which installs
    return host


@pytest.fixture(scope="module")
def telecmi() -> Iterator[str]:
    """The address of a pretend TeleCMI on loopback."""
    words = [sys.executable, "-u", "-m", "telecmi_mcp", "sandbox", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert address is not None
        yield address[0]
        process.terminate()


def test_the_bundle_holds_what_it_needs_and_nothing_else(packed: Path) -> None:
    names = zipfile.ZipFile(packed).namelist()
    (wheel,) = [name for name in names if name.endswith(".whl")]
    rest = {"manifest.json", "icon.png", "server.py", "pyproject.toml", "README.md", "LICENSE"}
    assert sorted(names) == sorted({wheel, *rest})


@pytest.mark.parametrize("unset", [lambda _: "", "${{user_config.{}}}".format], ids=["empty", "literal"])
async def test_without_settings_it_starts_and_lists_and_says_how_to_sign_in(
    host: Host, unset: Callable[[str], str], tmp_path: Path
) -> None:
    command, env = host.fill_in(unset)
    async with started(*map(str, command[1:]), env=env, command=[str(command[0])], cwd=tmp_path) as server:
        await server.shake_hands()
        listed = (await server.ask(request(1, "tools/list")))["result"]["tools"]
        assert [tool["name"] for tool in listed] == [tool["name"] for tool in host.manifest["tools"]]
        refused = (await server.ask(call(2, "search_contacts", query="John")))["result"]
        assert refused["isError"]
        assert "telecmi-mcp login" in refused["content"][0]["text"]
        assert await server.close() == 0


@pytest.mark.parametrize(
    "sign_in",
    [{"token": SANDBOX_TOKEN}, {"user_id": SANDBOX_USER_ID, "password": SANDBOX_PASSWORD}],
    ids=["token", "password"],
)
def test_with_its_settings_it_does_the_main_job(
    host: Host, telecmi: str, sign_in: dict[str, str], tmp_path: Path
) -> None:
    defaults = {name: str(setting["default"]) for name, setting in host.manifest["user_config"].items()}
    command, env = host.fill_in({**defaults, "base_url": telecmi, **sign_in}.__getitem__)
    assert "as they should be" in speak(command, env, tmp_path)


def test_a_host_that_starts_the_entry_point_has_the_same_server(host: Host, tmp_path: Path) -> None:
    words: Sequence[str | Path] = ["run", "--directory", host.folder, host.manifest["server"]["entry_point"]]
    assert "as they should be" in speak([host.uv / "uv", *words, "serve", "--sandbox"], host.env, tmp_path)


def test_what_uv_resolved_is_exactly_what_was_tested(host: Host) -> None:
    lock = tomllib.loads((host.folder / "uv.lock").read_text(encoding="utf8"))
    ours = {"telecmi-mcp", "telecmi-mcp-bundle"}
    resolved = {(each["name"], each["version"]) for each in lock["package"] if each["name"] not in ours}
    exact = {
        (re.sub(r"[._]", "-", name).lower(), version)
        for name, version in (line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    }
    assert {"mcp", "keyring", "pywin32"} <= {name for name, _ in resolved}
    assert resolved <= exact


def test_its_first_start_leaves_all_byte_code(host: Host) -> None:
    package = next(host.folder.glob(".venv/lib/python*/site-packages/keyring"))  # which that start did not import
    sources = {path.stem for path in package.rglob("*.py")}
    assert {path.name.split(".")[0] for path in package.rglob("*.pyc")} == sources
