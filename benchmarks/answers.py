"""Counts bytes and o200k tokens of the list of tools and of each form of an answer."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.bench import CONTACTS, PAGE
from benchmarks.book import contact, contact_id, cursor
from benchmarks.environments import OURS, SOURCES, make_tokens, python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.bench import Bench
    from benchmarks.client import Peer, Session

AS_TABLE = f"{OURS}, TELECMI_TEXT=table"
COMPACT, WITHOUT_NULLS, TSV, PRETTY = "compact JSON", "compact JSON without nulls", "TSV", "pretty JSON"


def measure_answers(bench: Bench) -> None:
    """Count what a client passes to a model, and the plain forms of the same page."""
    make_tokens()
    texts: dict[tuple[str, str], str] = {("page_text", name): text for name, text in _plain_shapes()}
    for peer in _with_variants(bench):
        with bench.noting(peer.name, "answers"), bench.started(peer) as session:
            texts |= {(figure, peer.name): text for figure, text in _texts(session)}
    for (figure, name), tokens in zip(texts, count_tokens(list(texts.values())), strict=True):
        bench.record.add(f"{figure}_tokens", name, tokens)
        bench.record.add(f"{figure}_bytes", name, len(texts[figure, name].encode()))


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Return the o200k tokens of each text."""
    command = [str(python("tokens")), str(SOURCES / "count_tokens.py")]
    done = subprocess.run(command, input=json.dumps(texts).encode(), capture_output=True, check=True)
    counts: list[int] = json.loads(done.stdout)
    return counts


def compact(value: Any) -> str:
    """Write JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_tsv(page: dict[str, Any]) -> str:
    """Write a page as a line of data, a line of names, and a line for each contact, separated by tabs."""
    rows = page["contacts"]
    facts = "\t".join(f"{name} {value}" for name, value in page.items() if name != "contacts")
    lines = ["\t".join(str(value or "").replace("\t", " ") for value in row.values()) for row in rows]
    return "\n".join([facts, "\t".join(rows[0]), *lines])


def _with_variants(bench: Bench) -> Iterator[Peer]:
    yield from bench.in_turn(1)
    if ours := bench.peers.get(OURS):
        yield replace(ours, name=AS_TABLE, environment={**ours.environment, "TELECMI_TEXT": "table"})


def _texts(session: Session) -> Iterator[tuple[str, str]]:
    tools = session.shake_hands()
    yield "tools_in", "\n".join(_words(tool) for tool in tools)
    yield "tools_out", "\n".join(compact(tool["outputSchema"]) for tool in tools if "outputSchema" in tool)
    for name, result in (
        ("contact", session.call("get_contact", contact_id=contact_id(1))),
        ("page", session.call("list_contacts", limit=PAGE)),
    ):
        yield f"{name}_structured", compact(result.get("structuredContent", ""))
        yield f"{name}_text", "\n".join(block["text"] for block in result["content"])


def _words(tool: dict[str, Any]) -> str:
    return "\n".join([tool["name"], tool.get("description", ""), compact(tool["inputSchema"])])


def _plain_shapes() -> Iterator[tuple[str, str]]:
    contacts = [contact(place) for place in range(PAGE)]
    known = [{name: value for name, value in each.items() if value is not None} for each in contacts]
    facts = {"count": CONTACTS, "has_more": True, "page_state": cursor(CONTACTS, PAGE, PAGE)}
    page = {"contacts": contacts, **facts}
    yield COMPACT, compact(page)
    yield WITHOUT_NULLS, compact({"contacts": known, **facts})
    yield TSV, as_tsv(page)
    yield PRETTY, json.dumps(page, indent=2, ensure_ascii=False)
