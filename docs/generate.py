"""Write the generated parts of the pages in docs/ from the code: ``make docs``.

A generated part is between ``<!-- generated: NAME -->`` and ``<!-- end -->``. A test compares the pages with the output
of this program.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import grimp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DOCS = Path(__file__).parent
PAGES = (DOCS / "architecture.md", DOCS / "decisions" / "README.md")

_PACKAGE = DOCS.parent / "telecmi_mcp"
_TOP = "telecmi_mcp"
_TEAM = "telecmi_mcp._team"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FIRST_SENTENCE = re.compile(r".*?(?=\. [A-Z]|$)")
_TITLE = re.compile(r"# \d+\. (.+)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SUPERSEDED = re.compile(r"^Superseded (?:in part )?by \[\d{4}\]\([\w-]+\.md\)", re.MULTILINE)

Arrows = set[tuple[str, str]]


def main() -> int:
    """Write the pages."""
    for page in PAGES:
        page.write_text(generate(page.read_text(encoding="utf8")), encoding="utf8")
    return 0


def generate(page: str) -> str:
    """Return the page with its generated parts written from the current code."""
    return _PART.sub(lambda part: f"{part[1]}\n{_PARTS[part[2]]()}\n\n{part[3]}", page)


def rooms(parent: str) -> set[str]:
    """Return the names of the packages directly below a package, and of the modules beside them."""
    return {
        path.stem
        for path in _folder(parent).iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and not path.name.startswith("__"))
    }


def arrows(parent: str) -> Arrows:
    """Return which room imports which at run time; imports for type annotations do not count."""
    graph = grimp.build_graph(_TOP, exclude_type_checking_imports=True, cache_dir=None)
    among = rooms(parent)
    found = {
        (_room(module, parent), _room(imported, parent))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    return {(start, end) for start, end in found if start != end and {start, end} <= among}


def reduce(every: Arrows) -> Arrows:
    """Return the arrows without those between two rooms that a path of other arrows connects."""
    kept = set(every)
    for arrow in sorted(every):
        others = kept - {arrow}
        if arrow[1] in _reached(arrow[0], others):
            kept = others
    return kept


def first_sentence(path: Path) -> str:
    """Return the first sentence of a module's docstring, as a cell of a table, without its full stop."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf8"))) or ""
    found = _FIRST_SENTENCE.match(" ".join(text.split("\n\n")[0].split()))
    return found[0].removesuffix(".").replace("``", "`").replace("|", r"\|") if found else ""


def _reached(start: str, among: Arrows) -> set[str]:
    seen: set[str] = set()
    ahead = {start}
    while ahead:
        ahead = {end for source, end in among if source in ahead} - seen
        seen |= ahead
    return seen


def _folder(parent: str) -> Path:
    return DOCS.parent.joinpath(*parent.split("."))


def _room(module: str, parent: str) -> str:
    """Return the room of a module; "" if it is in none."""
    inside = module.removeprefix(f"{parent}.")
    return "" if inside == module else inside.split(".")[0]


def _picture(parent: str) -> str:
    nodes = [f'  {_node(room)}["{_label(room, parent)}"]' for room in sorted(rooms(parent))]
    lines = [f"  {_node(start)} --> {_node(end)}" for start, end in sorted(reduce(arrows(parent)))]
    return "\n".join(["```mermaid", "flowchart TD", *nodes, *lines, "```"])


def _node(room: str) -> str:
    return room.strip("_")


def _label(room: str, parent: str) -> str:
    return f"{room}/" if (_folder(parent) / room).is_dir() else f"{room}.py"


def _files() -> str:
    """Return a table of files for each room; each room of the team server has its own."""
    by_room: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(_PACKAGE.rglob("*.py")):
        if path.name not in {"__init__.py", "__main__.py"}:
            by_room[_home(path)].append(path)
    return "\n\n".join(_table(room, paths) for room, paths in sorted(by_room.items()))


def _home(path: Path) -> str:
    inside = path.relative_to(_PACKAGE).parent.parts
    depth = 2 if inside[:1] == ("_team",) else 1
    return "/".join([_TOP, *inside[:depth], ""])


def _table(room: str, paths: Iterable[Path]) -> str:
    rows = [f"| `{path.relative_to(DOCS.parent / room).as_posix()}` | {first_sentence(path)} |" for path in paths]
    return "\n".join([f"### `{room}`", "", "| file | what it does |", "|---|---|", *rows])


def _decisions() -> str:
    return "\n".join(["| number | date | decision |", "|---|---|---|", *_records()])


def _records() -> Iterator[str]:
    for path in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        text = path.read_text(encoding="utf8")
        title, date, superseded = _TITLE.match(text), _DATE.search(text), _SUPERSEDED.search(text)
        status = f" {superseded[0]}." if superseded else ""
        yield f"| [{path.name[:4]}]({path.name}) | {date and date[0]} | {title and title[1]}.{status} |"


_PARTS: dict[str, Callable[[], str]] = {
    "rooms": lambda: _picture(_TOP),
    "team": lambda: _picture(_TEAM),
    "files": _files,
    "decisions": _decisions,
}


if __name__ == "__main__":
    raise SystemExit(main())
