"""Statements that stand in several places agree."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from base64 import b64decode
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

import telecmi_mcp
from docs.generate import PAGES, arrows, first_sentence, generate, reduce, rooms
from docs.install_links import client_rows, cursor_link, server_entry, vscode_link
from paths import ROOT, SNAPSHOTS
from snapshots import MANIFEST, generated
from telecmi_mcp import _cli, errors
from telecmi_mcp._cli.server import serve
from telecmi_mcp._config import variables
from telecmi_mcp._config.distribution import RELEASED, requirement
from telecmi_mcp._install.client_cli import add_command, remove_command
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.entry import Server, build_entry
from telecmi_mcp._mcp.tools.injected_arguments import INJECTED_ARGUMENTS
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS, TOOLS
from telecmi_mcp._team.config.variables import TEAM

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text(encoding="utf8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf8")
SERVER = json.loads((ROOT / "server.json").read_text(encoding="utf8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
EXTRAS = [each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra]
MARKDOWN = [*ROOT.glob("[A-Z]*.md"), *(ROOT / "docs").rglob("*.md")]
SCHEMA = ROOT.parent / "shared" / "schemas" / "server.schema.json"


def package(requirement: str) -> str:
    """Return the name of a package without its extras and bounds."""
    return re.split(r"[\[<>=]", requirement)[0]


def table(heading: str, page: str = README) -> list[list[str]]:
    """Return the rows of the first table below a heading of a page, without its head."""
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)", page.read_text(encoding="utf8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def every_error(base: type[errors.TelecmiError]) -> list[type[errors.TelecmiError]]:
    """Return an error class with all its subclasses."""
    return [base, *(each for child in base.__subclasses__() for each in every_error(child))]


def test_the_versions_agree() -> None:
    assert SERVER["version"] == telecmi_mcp.__version__
    assert [package["version"] for package in SERVER["packages"]] == [telecmi_mcp.__version__]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "telecmi_mcp/__init__.py"


def test_the_changelog_has_a_section_for_the_version_or_for_what_is_unreleased() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    assert f"## [{telecmi_mcp.__version__}]" in changelog or re.search(r"## \[Unreleased\]\n\n### ", changelog)


async def test_the_generated_files_are_what_make_snapshots_writes() -> None:
    texts = await generated()
    for path, text in texts.items():
        assert path.read_text(encoding="utf8") == text, f"{path.relative_to(ROOT)}: run make snapshots"
    assert {path for path in texts if path.parent == SNAPSHOTS} == set(SNAPSHOTS.glob("*.json"))


def test_the_readme_and_the_manifest_name_the_tools() -> None:
    assert [name for name, *_ in table("Tools")] == [f"`{tool.name}`" for tool in LOCAL_TOOLS]
    manifest = json.loads(MANIFEST.read_text(encoding="utf8"))
    assert [tool["name"] for tool in manifest["tools"]] == [tool.name for tool in TOOLS]
    assert manifest["tools_generated"] is True  # export_contacts, by a setting


def test_the_words_of_an_answer_that_troubleshooting_explains_are_in_the_code() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf8")
    code = " ".join(path.read_text(encoding="utf8") for path in (ROOT / "telecmi_mcp").rglob("*.py"))
    quoted = [re.findall(r"\*(.+?)\*", row[0])[0] for row in table("What an answer says", page)]
    assert len(quoted) > 10
    for words in quoted:
        for part in filter(None, words.split(" …")):
            assert part.strip() in code, part


@pytest.mark.parametrize(("page", "settings"), [("docs/settings.md", variables.ALL), ("docs/teams.md", TEAM)])
def test_the_settings_of_a_page_are_the_settings(page: str, settings: tuple[variables.Setting, ...]) -> None:
    def code(text: str) -> str:
        return f"`{text}`" if text else ""

    assert table("Settings", (ROOT / page).read_text(encoding="utf8")) == [
        [code(setting.variable), code(setting.flag), setting.accepts, code(setting.default), setting.purpose]
        for setting in settings
    ]


def test_the_readmes_commands_are_the_commands() -> None:
    summaries = {name: import_module(f"telecmi_mcp._cli.{home}").SUMMARY for name, home in _cli.COMMANDS.items()}
    assert table("Commands") == [[f"`telecmi-mcp {name}`", summary] for name, summary in summaries.items()]


def test_the_readme_stays_short_and_honest() -> None:
    assert len(README.splitlines()) < 200
    assert "never been run against TeleCMI's live service" in README
    assert f"\n<!-- mcp-name: {SERVER['name']} -->\n" in README


def test_the_readmes_clients_are_those_of_install() -> None:
    shown = [row[:2] for row in table("Install")]
    assert shown == [[client.title, f"`telecmi-mcp install {name}`"] for name, client in CLIENTS.items()]


def test_a_one_click_link_installs_the_package_with_its_keyring() -> None:
    server = {"command": "uvx", "args": ["--from", "telecmi-mcp[keyring]", "telecmi-mcp", "serve"]}
    assert server_entry(released=True) == server
    cursor = cursor_link().removeprefix("https://cursor.com/en/install-mcp?")
    assert parse_qs(cursor)["name"] == ["telecmi"]
    assert json.loads(b64decode(parse_qs(cursor)["config"][0], validate=True)) == server
    scheme, _, config = unquote(vscode_link().removeprefix("https://insiders.vscode.dev/redirect?url=")).partition("?")
    assert (scheme, json.loads(unquote(config))) == ("vscode:mcp/install", {"name": "telecmi", **server})


@pytest.mark.parametrize("released", [True, False])
def test_links_that_need_a_release_are_shown_after_it_only(released: bool) -> None:
    rows = client_rows(released=released)
    assert [link in rows for link in (cursor_link(), vscode_link(), "/releases)")] == [released] * 3
    assert rows.count("\n") == len(CLIENTS)


def test_the_documents_say_whether_there_is_a_release() -> None:
    security = (ROOT / "SECURITY.md").read_text(encoding="utf8")
    plugin = (ROOT / "plugins" / "telecmi" / "README.md").read_text(encoding="utf8")
    assert ("There is no release on PyPI yet" in README) is not RELEASED
    assert ("There is no release yet" in security) is not RELEASED
    started = server_entry()
    assert f"`{' '.join([started['command'], *started['args']])}`" in plugin


def test_a_command_that_installs_the_package_takes_it_from_where_it_is() -> None:
    pages = [page for page in MARKDOWN if page.name != "CHANGELOG.md" and "decisions" not in page.parts]
    text = "\n".join(page.read_text(encoding="utf8") for page in pages)
    commands = re.findall(r"(?:pip install|uv tool install|pipx install|uvx)\b.*\btelecmi-mcp\b.*", text)
    named = [re.findall(r"telecmi-mcp\[\w+\](?: @ [^'\"`]+)?", command) for command in commands]
    assert named
    assert [each for each in named if each not in ([requirement("keyring")], [requirement("team")])] == []
    sources = {path: path.read_text(encoding="utf8") for path in (ROOT / "telecmi_mcp").rglob("*.py")}
    assert {path.name for path, source in sources.items() if "telecmi-mcp[" in source} == {"distribution.py"}


def test_before_the_first_release_the_package_comes_from_its_repository() -> None:
    assert requirement("keyring", released=True) == "telecmi-mcp[keyring]"
    assert requirement("team", released=False) == f"telecmi-mcp[team] @ git+{PROJECT['project']['urls']['Homepage']}"


def blocks(text: str) -> list[dict[str, Any]]:
    """Return the contents of the JSON, TOML and YAML blocks of a page."""
    load = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
    return [load[kind](block) for kind, block in re.findall(r"```(json|toml|yaml)\n(.*?)```", text, re.DOTALL)]


def test_the_entries_in_the_documents_are_what_install_writes() -> None:
    clients = (ROOT / "docs" / "clients.md").read_text(encoding="utf8")
    sections = {part.split("\n", 1)[0]: part.split("\n## ")[0] for part in clients.split("\n### ")[1:]}
    assert list(sections) == [host.title for host in CLIENTS.values()]
    server = Server("/path/of/telecmi-mcp", ("serve",))
    for host in CLIENTS.values():
        alike = "form of Claude Desktop" in sections[host.title]
        shown = blocks(sections["Claude Desktop" if alike else host.title])
        if host.program is None:
            assert shown[0] == {host.key: {"telecmi": build_entry(host, server)}}
        else:
            assert shlex.join(add_command(host, build_entry(host, server))) in sections[host.title]
            assert shlex.join(remove_command(host)) in sections[host.title]
    assert [row[0] for row in table("Sources", clients)] == [f"`{name}`" for name in CLIENTS]
    (example,) = blocks(README)
    assert example["mcpServers"]["telecmi"].keys() == {"command", "args"}


def test_every_link_within_the_repository_leads_to_a_page_and_a_heading_that_exist() -> None:
    for page in MARKDOWN:
        for target in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text(encoding="utf8")):
            path, _, anchor = target.partition("#")
            linked = page.parent / path if path else page
            assert linked.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(linked), f"{page.name}: {target}"


def test_the_readme_quotes_errors_as_they_are() -> None:
    section = README.split("## When it does not work\n")[1].split("\n## ")[0]
    quoted = re.findall(r'"([^"]+)"', section)
    facts = "\n".join(each.fact for each in every_error(errors.TelecmiError))
    assert quoted
    assert not [words for words in quoted if words not in facts]


KEYS = {
    "server": {"$schema", "name", "title", "description", "version", "websiteUrl", "icons", "repository", "packages"},
    "icon": {"src", "mimeType", "sizes"},
    "repository": {"url", "source"},
    "package": {"registryType", "identifier", "version", "runtimeHint", "transport", "environmentVariables"},
    "variable": {"name", "description", "isRequired", "isSecret", "format", "default", "choices"},
}


def test_server_json_has_only_keys_that_the_schema_defines() -> None:
    assert SERVER.keys() <= KEYS["server"]
    assert SERVER["repository"].keys() <= KEYS["repository"]
    for icon in SERVER["icons"]:
        assert icon.keys() <= KEYS["icon"]
    for package in SERVER["packages"]:
        assert package.keys() <= KEYS["package"]
        assert package["transport"] == {"type": "stdio"}
        for variable in package["environmentVariables"]:
            assert variable.keys() <= KEYS["variable"]
            assert variable["format"] in {"string", "number", "boolean", "filepath"}


def test_server_json_keeps_the_schemas_limits() -> None:
    assert SERVER["$schema"].endswith("/2025-12-11/server.schema.json")
    assert re.fullmatch(r"[a-zA-Z0-9.-]{1,100}/[a-zA-Z0-9._-]{1,99}", SERVER["name"])
    assert 1 <= len(SERVER["description"]) <= 100
    assert 1 <= len(SERVER["title"]) <= 100


def test_server_json_lists_every_setting_and_marks_the_secret_ones() -> None:
    (package,) = SERVER["packages"]
    listed = [
        (variable["name"], variable["description"], variable.get("default", ""), variable["isSecret"])
        for variable in package["environmentVariables"]
    ]
    assert listed == [(each.variable, each.purpose, each.default, each.secret) for each in variables.ALL]
    assert not any(variable["isRequired"] for variable in package["environmentVariables"])


def test_server_json_names_the_package_of_pyproject() -> None:
    (package,) = SERVER["packages"]
    assert package["identifier"] == PROJECT["project"]["name"]
    assert SERVER["repository"]["url"] == PROJECT["project"]["urls"]["Homepage"]


def test_server_jsons_icon_is_the_bundles() -> None:
    (icon,) = SERVER["icons"]
    raw = SERVER["repository"]["url"].replace("//github.com/", "//raw.githubusercontent.com/")
    assert icon["src"] == f"{raw}/main/bundle/icon.png"
    head = (ROOT / "bundle" / "icon.png").read_bytes()[16:24]
    assert icon["sizes"] == [f"{int.from_bytes(head[:4])}x{int.from_bytes(head[4:])}"]


def test_the_npm_locks_hold_the_requested_versions_and_no_address_of_a_registry() -> None:
    for folder in (".ci/judging", ".ci/bundling", "tests/team/oidc"):
        lock = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf8"))
        asked = json.loads((ROOT / folder / "package.json").read_text(encoding="utf8"))["dependencies"]
        assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in asked} == asked
        assert not [name for name, package in lock["packages"].items() if "resolved" in package]


@pytest.mark.skipif(not SCHEMA.exists(), reason="the registry's schema is not part of the project")
def test_server_json_follows_the_registrys_schema() -> None:
    jsonschema.validate(SERVER, json.loads(SCHEMA.read_text()))


def test_the_public_names_are_all_there() -> None:
    homes = set(telecmi_mcp._MODULES)
    assert set(telecmi_mcp.__all__) == homes | {"__version__"}
    for name in telecmi_mcp.__all__:
        assert getattr(telecmi_mcp, name)
    with pytest.raises(AttributeError):
        telecmi_mcp.nothing  # noqa: B018 - looking it up is the test


def test_the_generated_pages_are_what_make_docs_writes() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf8")
        assert "<!-- generated: " in text
        assert text == generate(text), f"{page.name}: run make docs"


def test_an_arrow_is_left_out_only_where_a_longer_path_leads() -> None:
    assert reduce({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}
    assert reduce({("a", "b"), ("b", "a"), ("a", "c"), ("b", "c")}) == {("a", "b"), ("b", "a"), ("b", "c")}


def test_the_arrows_of_the_picture_are_run_time_imports() -> None:
    drawn = arrows("telecmi_mcp")
    assert {("_server", "_mcp"), ("_index", "_search")} <= drawn
    assert ("_server", "_app") not in drawn  # it imports App for types only
    assert not [arrow for arrow in drawn if "sandbox" in arrow and arrow != ("_cli", "sandbox")]


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("One thing.", "One thing"),
        ("vCard 4.0 (RFC 6350) for ``a|b``. More.", r"vCard 4.0 (RFC 6350) for `a\|b`"),
        ("Two\nlines: as one.\n\nAnother paragraph.", "Two lines: as one"),
    ],
)
def test_a_file_is_described_by_the_first_sentence_of_its_docstring(
    docstring: str, sentence: str, tmp_path: Path
) -> None:
    module = tmp_path / "module.py"
    module.write_text(f'"""{docstring}"""\n', encoding="utf8")
    assert first_sentence(module) == sentence


def test_the_architecture_page_names_every_room_and_no_file_that_is_not_there() -> None:
    package_folder, text = ROOT / "telecmi_mcp", ARCHITECTURE.split("<!-- generated: ")[0]
    listed = re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(room for room in rooms("telecmi_mcp") if (package_folder / room).is_dir())
    for path in re.findall(r"`(\w+(?:/\w+)*(?:/|\.py))`", text):
        assert (package_folder / path).exists() or (ROOT / path).exists(), path


def test_the_dependencies_page_names_every_dependency_once_and_no_other() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf8")
    extras = PROJECT["project"]["optional-dependencies"]
    dev = PROJECT["dependency-groups"]["dev"]
    sections = {"Required": PROJECT["project"]["dependencies"]}
    sections |= {f"The extra `{name}`": packages for name, packages in extras.items()}
    sections["Development"] = [each for each in dev if package(each) not in set(map(package, EXTRAS))]
    for heading, required in sections.items():
        listed = [name for row in table(heading, page) for name in re.findall("`([^`]+)`", row[0])]
        assert sorted(listed) == sorted(map(package, required)), heading


def test_a_decision_has_a_number_a_date_a_context_a_decision_and_consequences() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(numbers[0], numbers[0] + len(records)))
    for number, path in zip(numbers, records, strict=True):
        text = path.read_text(encoding="utf8")
        assert re.match(rf"# {number}\. \S.*\n\n(?:Date: )?\d{{4}}-\d\d-\d\d", text), path.name
        headings = re.findall(r"^## (.+)", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


def test_a_superseded_decision_names_a_later_one_at_its_top() -> None:
    for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"):
        text = path.read_text(encoding="utf8")
        top, rest = text.split("\n## Context\n", 1)
        assert "Superseded" not in rest, path.name
        for line in re.findall(r"^Superseded.*", top, re.MULTILINE):
            later = re.match(r"Superseded (?:in part )?by \[(\d{4})\]\(\1-[\w-]+\.md\)[.:]", line)
            assert later, f"{path.name}: {line}"
            assert later[1] > path.name[:4], f"{path.name}: {line}"


SEARCH = {"sqlite3", "telecmi_mcp._index.directory", "telecmi_mcp._index.location", "telecmi_mcp._index.sync"}
SEARCH |= {"telecmi_mcp._index.sqlite_store", "telecmi_mcp._search"}


def imports_at_once(module: str) -> set[str]:
    """The modules that a module of ours imports when it is imported itself: not in a function, not for types only."""
    path = ROOT / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names: set[str] = set()
    statements: list[ast.stmt] = ast.parse(source.read_text(encoding="utf8")).body
    for statement in statements:
        if isinstance(statement, ast.Try):
            statements += statement.body
        elif isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            home = statement.module or ""
            names |= {home, *(f"{home}.{alias.name}" for alias in statement.names)}
    return {name for name in names if name in SEARCH or is_ours(name)}


def is_ours(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return name.startswith("telecmi_mcp.") and (path.with_suffix(".py").is_file() or path.is_dir())


def test_what_searches_is_imported_with_the_first_search() -> None:
    loaded: set[str] = set()
    waiting = {f"telecmi_mcp.{name}" for name in serve.SERVER_MODULES} | {"telecmi_mcp._cli.server.serve"}
    while waiting:
        module = waiting.pop()
        loaded.add(module)
        imported = imports_at_once(module)
        assert not imported & SEARCH, module
        waiting |= {name for name in imported if is_ours(name)} - loaded
    assert {"telecmi_mcp._mcp.tools.registry", "telecmi_mcp._index.account_directory"} <= loaded


def test_every_dependency_has_its_exact_version() -> None:
    exact = {
        re.sub("[._]", "-", line.split("==")[0]).lower() for line in (ROOT / "constraints.txt").read_text().split()
    }
    for dependency in [*PROJECT["project"]["dependencies"], *EXTRAS, *PROJECT["dependency-groups"]["dev"]]:
        assert package(dependency) in exact, dependency


def test_the_constraints_are_exact_and_hold_no_address() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line


def test_the_clients_that_were_run_are_named_with_their_versions() -> None:
    clients = ROOT / "tests" / "clients"
    locked = json.loads((clients / "package.json").read_text(encoding="utf8"))["dependencies"]
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf8")
    judge = "@modelcontextprotocol/conformance"
    judges_version = locked.pop(judge)
    frameworks = (ROOT / "docs" / "frameworks.md").read_text(encoding="utf8")
    assert f"`mcp-remote` (npm) {locked.pop('mcp-remote')} " in frameworks
    lists = "".join(path.read_text(encoding="utf8") for path in (clients / "frameworks").glob("*.txt"))
    named = re.findall(r"^\| [^|]+ \(`([a-z-]+)`\) \| ([0-9.]+) \|", frameworks, re.MULTILINE)
    assert len(named) == 5
    for package, version in named:
        assert f"\n{package}=={version} " in lists
    for package, version in locked.items():
        assert f"(`{package}`) | {version} |" in page
    (fastmcp,) = re.findall(
        r"^fastmcp-slim==([0-9.]+)", (clients / "fastmcp.txt").read_text(encoding="utf8"), re.MULTILINE
    )
    assert f"(`fastmcp-slim[client]`) | {fastmcp} |" in page
    judged = json.loads((ROOT / ".ci" / "judging" / "package.json").read_text(encoding="utf8"))["dependencies"]
    assert judged[judge] == judges_version
    assert judged["@modelcontextprotocol/inspector"] == locked["@modelcontextprotocol/inspector"]


def test_the_arguments_that_hosts_add_are_listed_with_their_sources() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf8")
    listed = [[f"`{each.name}`", each.host, f"<{each.source}>"] for each in INJECTED_ARGUMENTS]
    assert table("Arguments that hosts add", page) == listed


def test_no_lock_names_a_registry() -> None:
    for lock in [ROOT / ".ci" / "judging" / "package-lock.json", ROOT / "tests" / "clients" / "package-lock.json"]:
        assert not re.search(r'"resolved"|https?://[^"]*registry', lock.read_text(encoding="utf8"))
