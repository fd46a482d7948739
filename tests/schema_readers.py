"""Who reads a tool's schema before a model does, and what each does with every part of it.

The rules are data, each with its source and date. None of these services was asked, and few of their own documents
were at hand: where a rule is known through somebody who quotes or restates one, the source says so.
A keyword that a reader neither takes nor ignores is refused, so an unknown one is noticed here first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]
Verdict = Literal["takes", "ignores", "refuses"]

# JSON Schema's keywords, as far as one schema describes one value without a reference to another.
STRUCTURE = frozenset({"type", "properties", "required", "items", "enum", "description", "additionalProperties"})
COMBINATORS = frozenset({"anyOf", "oneOf", "allOf", "not", "if", "then", "else"})
BOUNDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern"}
    | {"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"}
)
NOTES = frozenset({"title", "default", "examples", "format", "const"})
EVERYTHING = STRUCTURE | COMBINATORS | BOUNDS | NOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader and its rules.

    Attributes:
        source: The documents, their sections, and when they were read.
        is_strict: A mode that a host has to ask for. Pydantic AI does by itself, for the schemas that fit.
        takes: Keywords that it reads.
        ignores: Keywords that it, or the host before it, drops.
        not_at_root: Keywords that it refuses in the outermost schema.
        formats: What ``format`` may say of a string; None allows all.
        tool_name: What the name of a tool must match.
        property_name: What the name of a property must match.
        joined_name: The most characters that the server's name and the tool's may have together.
        is_closed: Each object must have ``additionalProperties: false``.
        is_filled: Each property must be required.
        depth: The most objects and arrays within each other.
        properties: The most properties in one schema.
        enum_values: The most values of all enums in one schema.
    """

    name: str
    source: str
    is_strict: bool = False
    takes: frozenset[str]
    ignores: frozenset[str] = frozenset()
    not_at_root: frozenset[str] = frozenset()
    formats: frozenset[str] | None = None
    tool_name: str = r".+"
    property_name: str = r".+"
    joined_name: int | None = None
    is_closed: bool = False
    is_filled: bool = False
    depth: int | None = None
    properties: int | None = None
    enum_values: int | None = None


CLAUDE = Reader(
    name="Claude, tools",
    source=(
        "Claude API documents, Managed Agents, Self-hosted sandboxes, as quoted in diegosouzapw/OmniRoute#13552 "
        "(September 2026): common keywords pass; references anywhere, and oneOf, anyOf, allOf at the root, are "
        "refused, as are other names of properties. The API's own words: anthropics/claude-code#40075 (March 2026), "
        "microsoft/azure-devops-mcp#332 (July 2025). The tool's name: Claude's front end, "
        "modelcontextprotocol/go-sdk#169 (July 2025); the API takes 128 characters and hyphens, "
        "github/copilot-cli#1879 (March 2026)."
    ),
    takes=EVERYTHING,
    not_at_root=frozenset({"anyOf", "oneOf", "allOf"}),
    tool_name=r"[a-zA-Z0-9_]{1,64}",
    property_name=r"[a-zA-Z0-9_.-]{1,64}",
)
CLAUDE_STRICT = Reader(
    name="Claude, strict tools",
    source=(
        "anthropic-sdk-python, lib/_parse/_transform.py at 00f1c33, read itself: what is not taken goes into the "
        "description. pattern, const, default and the 24 optional parameters in one request: the documents' "
        "Structured outputs, as LangSchema 0.7.1 restates them (2026)."
    ),
    is_strict=True,
    takes=STRUCTURE | {"anyOf", "allOf", "const", "default", "format", "pattern", "title", "$ref", "$defs"},
    formats=frozenset(
        {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
    ),
    is_closed=True,
)
OPENAI = Reader(
    name="OpenAI, functions",
    source=(
        "OpenAI, Function calling, Strict mode, from a record of that page's changes (1 April 2026): without "
        "strict, a best effort. MCP tools come so from the Agents SDK: convert_schemas_to_strict is off by default, "
        "its docs/mcp.md at 0c73425 and mcp/util.py at 00d0b40, read themselves. Combinators at the root: "
        "anomalyco/opencode#35516 (July 2026). The tool's name: openai/codex#8174 (December 2025)."
    ),
    takes=EVERYTHING | {"$ref", "$defs"},
    not_at_root=COMBINATORS,
    tool_name=r"[a-zA-Z0-9_-]{1,64}",
)
OPENAI_STRICT = Reader(
    name="OpenAI, strict functions",
    source=(
        "OpenAI, Structured Outputs, Supported schemas, as jsonschemaprofiles 202602 restates them (February 2026); "
        "which formats, and the limits of depth and properties: pydantic_ai/profiles/openai.py in 2.68.0, read itself "
        "(November 2026). default: OpenAI's maintainer had it accepted by api.openai.com with gpt-5.6-sol, and says "
        "that only Azure is known to refuse it, openai/openai-agents-python#4390 and #4426 (August 2026); with gpt-4o "
        "the API refused it, 567-labs/instructor#1074 (October 2024) and dotnet/extensions#6196 (March 2025). "
        "minLength and maxLength: the document does not name them as supported; Pydantic's maintainers had them "
        "accepted and enforced, pydantic/pydantic-ai#7400 (August 2026), and 2.68.0 leaves them in for OpenAI. "
        "examples: nobody is known to have asked; OpenAI's Agents SDK 0.24.0 and its TypeScript SDK 7.57.0 "
        "(lib/transform.js, read itself) count it among the keywords that constrain nothing, and send it. "
        "The Responses API makes a schema strict where strict is not given: Function calling, as above."
    ),
    is_strict=True,
    takes=STRUCTURE
    | {"anyOf", "const", "format", "pattern", "title", "$ref", "$defs", "minItems", "maxItems", "multipleOf"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "default", "examples"},
    not_at_root=frozenset({"anyOf"}),
    formats=frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}),
    tool_name=r"[a-zA-Z0-9_-]{1,64}",
    is_closed=True,
    is_filled=True,
    depth=10,
    properties=5000,
    enum_values=1000,
)
AZURE_STRICT = Reader(
    name="Azure OpenAI, strict functions",
    source=(
        "Microsoft, How to use structured outputs with Azure OpenAI, a copy of its source dated 6 December 2025: "
        "the supported types, the unsupported type-specific keywords, nesting and properties. "
        "default: openai/openai-agents-python#4390 (August 2026). examples is not named: the worse is assumed."
    ),
    is_strict=True,
    takes=STRUCTURE | {"anyOf", "title", "$ref", "$defs"},
    not_at_root=frozenset({"anyOf"}),
    tool_name=r"[a-zA-Z0-9_-]{1,64}",
    is_closed=True,
    is_filled=True,
    depth=5,
    properties=100,
)
GEMINI = Reader(
    name="Gemini, parameters",
    source=(
        "The API's answer to other formats: google-gemini/gemini-cli#3178 (July 2025); React Native Firebase's "
        "reference still has the rule for the Developer API (2026). The keywords, and that default is ignored: the "
        "Schema of v1beta, as the packages geminix 0.2.0 and others restate it. additionalProperties is unknown to "
        "the API, GetStream/Vision-Agents#513 (April 2026), and examples is not in Schema: hosts have to drop both. "
        "Numbers in an enum: router-for-me/CLIProxyAPI#1076 (January 2026). The name: Google-GenAI.SDK, "
        "FunctionDeclaration."
    ),
    takes=(STRUCTURE - {"additionalProperties"})
    | {"anyOf", "title", "format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}
    | {"minProperties", "maxProperties", "nullable", "example", "propertyOrdering"},
    ignores=frozenset({"additionalProperties", "default", "examples"}),
    formats=frozenset({"enum", "date-time"}),
    tool_name=r"[a-zA-Z_][a-zA-Z0-9_-]{0,62}",
)
GEMINI_JSON = Reader(
    name="Gemini, parametersJsonSchema",
    source=(
        "GenerationConfig, responseJsonSchema: the supported keywords, from the comments of Google's generated SDKs "
        "(2025 to 2026); the same is assumed of parametersJsonSchema, which Gemini CLI uses since "
        "google-gemini/gemini-cli#5330 (August 2025), and that other keywords are ignored."
    ),
    takes=STRUCTURE
    | {"anyOf", "oneOf", "title", "format", "minimum", "maximum", "minItems", "maxItems", "prefixItems"}
    | {"$id", "$defs", "$ref", "$anchor", "propertyOrdering"},
    ignores=frozenset({"minLength", "maxLength", "pattern", "default", "examples", "const"}),
    tool_name=r"[a-zA-Z_][a-zA-Z0-9_-]{0,62}",
)
COPILOT = Reader(
    name="Copilot in VS Code",
    source=(
        "microsoft/vscode-copilot-chat, tools/common/toolSchemaNormalizer.ts at 1700547, read itself: draft 7 must "
        "hold, an array needs items, combinators at the root are dropped. The tool's name: microsoft/vscode#308463 "
        "(April 2026)."
    ),
    takes=EVERYTHING | {"$ref", "$defs"},
    tool_name=r"[a-z0-9_-]+",
)
COPILOT_GPT_4 = Reader(
    name="Copilot in VS Code, GPT-4 models",
    source="The same file: its list of keywords that these models do not support, and which it takes out.",
    takes=EVERYTHING - BOUNDS - {"default", "format"},
    ignores=BOUNDS | {"default", "format"},
    tool_name=r"[a-z0-9_-]+",
)
CURSOR = Reader(
    name="Cursor",
    source=(
        "Its warning that a tool may be filtered out, aashari/mcp-server-atlassian-confluence#16 (April 2025) and "
        "ComposioHQ/composio#2788 (February 2026): 60 characters of both names are one too many. No rule for "
        "schemas was found."
    ),
    takes=EVERYTHING | {"$ref", "$defs"},
    joined_name=59,
)
READERS = (
    *(CLAUDE, CLAUDE_STRICT, OPENAI, OPENAI_STRICT, AZURE_STRICT),
    *(GEMINI, GEMINI_JSON, COPILOT, COPILOT_GPT_4, CURSOR),
)
# The most tools of all servers together that Cursor is said to pass on: by tutorials (2025, 2026), not by itself.
MOST_TOOLS = 40


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a reader does with one part of one node."""

    path: str
    part: str
    verdict: Verdict


def nodes(schema: Schema, path: str = "$") -> Iterator[tuple[str, Schema]]:
    """Each schema within a schema, itself first, and where it is."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from nodes(schema["items"], f"{path}[]")


def read(reader: Reader, schema: Schema) -> list[CheckResult]:
    """What a reader does with every part of every node, and with the schema as a whole."""
    found = [
        CheckResult(path, part, verdict)
        for path, node in nodes(schema)
        for part, verdict in [*_keywords(reader, node, is_root=path == "$"), *_faults(reader, node)]
    ]
    return [*found, *(CheckResult("$", part, "refuses") for part in _excesses(reader, schema))]


def _keywords(reader: Reader, node: Schema, *, is_root: bool) -> Iterator[tuple[str, Verdict]]:
    for keyword, value in node.items():
        if keyword in reader.ignores:
            yield keyword, "ignores"
        elif keyword not in reader.takes or (is_root and keyword in reader.not_at_root):
            yield keyword, "refuses"
        elif keyword == "format" and reader.formats is not None and value not in reader.formats:
            yield f"format: {value}", "refuses"
        else:
            yield keyword, "takes"


def _faults(reader: Reader, node: Schema) -> Iterator[tuple[str, Verdict]]:
    """What no keyword says: what is missing, and names."""
    if not isinstance(node.get("type"), str):
        yield "no single type", "refuses"
    if node.get("type") == "array" and "items" not in node:
        yield "array without items", "refuses"
    if reader.is_closed and node.get("type") == "object" and node.get("additionalProperties") is not False:
        yield "open object", "refuses"
    for name in node.get("properties", {}):
        if not re.fullmatch(reader.property_name, name):
            yield "name of a property", "refuses"
        if reader.is_filled and name not in node.get("required", []):
            yield "optional parameter", "refuses"
    if set(node.get("required", [])) - set(node.get("properties", {})):
        yield "required, but no property", "refuses"
    if not all(isinstance(value, str) for value in node.get("enum", [])):
        yield "enum of other than strings", "refuses"


def _excesses(reader: Reader, schema: Schema) -> Iterator[str]:
    found = [node for _, node in nodes(schema)]
    if reader.depth is not None and _depth(schema) > reader.depth:
        yield "too deep"
    if reader.properties is not None and sum(len(node.get("properties", {})) for node in found) > reader.properties:
        yield "too many properties"
    if reader.enum_values is not None and sum(len(node.get("enum", [])) for node in found) > reader.enum_values:
        yield "too many enum values"


def _depth(schema: Schema) -> int:
    children = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return 1 + max(map(_depth, children), default=0) if schema.get("type") in {"object", "array"} else 0
