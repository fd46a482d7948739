"""One tool: its name, texts, schemas and function, and the check of its arguments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from telecmi_mcp._mcp.tool_names import BARE_NAMES
from telecmi_mcp._mcp.tools.argument_errors import argument_error
from telecmi_mcp._mcp.tools.injected_arguments import without_injected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._mcp.tool_names import ToolNames
    from telecmi_mcp.errors import InvalidArguments


class Arguments(BaseModel):
    """Base of the arguments of a tool: strict types, no unknown name; null counts as absent.

    ``INTEGER`` and ``ARRAY`` of the module ``coercion`` accept what hosts send for integers and arrays.

    Attributes:
        expected: For each parameter, the values that it accepts, in words for error messages.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    expected: ClassVar[Mapping[str, str]]


class FileLink(NamedTuple):
    """A file on the user's computer; it cannot be read over MCP.

    Attributes:
        uri: A ``file://`` URI.
        size: Size in bytes.
    """

    uri: str
    name: str
    mime_type: str
    size: int


class Answer(NamedTuple):
    """Answer of a tool.

    Attributes:
        data: JSON object that ``output_schema`` describes.
        contacts: The contacts in ``data``, as they are there, for the audit: each with ``contact_id`` or ``id``.
        file: A new file, for which the answer gets a resource link.
        advice: Sentence that names other tools, before the notice; it holds no value of a contact or of the caller.
        unlisted: Number of contacts whose values ``data`` shows, or a file got, without their ids, for the audit.
    """

    data: dict[str, Any]
    contacts: Sequence[Mapping[str, Any]] = ()
    file: FileLink | None = None
    advice: str = ""
    unlisted: int = 0


def _one_call(_: Mapping[str, Any]) -> int:
    return 1


def _with_notice(data: dict[str, Any], notice: str) -> dict[str, Any]:
    return {**data, "notice": notice}


async def no_report(_: int, __: int | None) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool, as a model sees it and as the server runs it.

    Attributes:
        summary: One sentence for people, in the manifest of the bundle.
        rows: Name of the field that holds the rows of a table; "" if the answer is one row.
        run: Function of the app, the checked arguments and the receiver of progress reports.
        row_columns: Names of the columns of a table, in order; () for the properties of a row.
        as_rows: Returns the data with rows that hold no objects, for a table.
        cost: Returns for how many calls the unchecked arguments count.
        is_read_only: False if each call adds something on the user's computer.
        with_notice: Returns the data with the whole notice in it.
    """

    name: str
    title: str
    description: str
    summary: str
    arguments: type[Arguments]
    output_schema: dict[str, Any]
    rows: str
    run: Callable[[App, Any, Report], Awaitable[Answer]]
    row_columns: tuple[str, ...] = ()
    as_rows: Callable[[dict[str, Any]], dict[str, Any]] = dict
    cost: Callable[[Mapping[str, Any]], int] = _one_call
    is_read_only: bool = True
    with_notice: Callable[[dict[str, Any], str], dict[str, Any]] = _with_notice

    @property
    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments: flat, closed, without titles."""
        return _schema_of(self.arguments)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of a table, in order."""
        if self.row_columns:
            return list(self.row_columns)
        fields = self.output_schema["properties"]
        row = fields[self.rows]["items"]["properties"] if self.rows else fields
        return [name for name in row if name != "notice"]

    async def call(
        self, app: App, arguments: Mapping[str, Any], *, report: Report = no_report, names: ToolNames = BARE_NAMES
    ) -> Answer:
        """Check the arguments, run the tool, and add its advice and the notice of the app to its own notice.

        Raises:
            InvalidArguments: The arguments do not match the schema; no request was sent.
            TelecmiError: The client or the search failed.
        """
        answer = await self.run(app, self._check(arguments), report)
        notices = (names.in_text(answer.advice), answer.data.get("notice"), app.notice)
        notice = " ".join(filter(None, notices))
        return answer._replace(data=self.with_notice(answer.data, notice)) if notice else answer

    def _check(self, arguments: Mapping[str, Any]) -> Arguments:
        given = {name: value for name, value in arguments.items() if value is not None}
        if not given.keys() <= self.arguments.expected.keys():
            given = without_injected(given, self.arguments.expected)
        try:
            return self.arguments.model_validate(given)
        except ValidationError as error:
            raise self._error_of(error, given) from None

    def _error_of(self, error: ValidationError, given: Mapping[str, Any]) -> InvalidArguments:
        """Name the parameters and what they accept; never a value, and no text of pydantic."""
        details = error.errors(include_url=False, include_context=False, include_input=False)
        wrong = [str(each["loc"][0]) for each in details if each["loc"]]  # a name that is no text in UTF-8 has no place
        return argument_error(self.name, self.arguments.expected, given, wrong)


class _SlimSchema(GenerateJsonSchema):
    """JSON Schema without titles, which cost tokens and repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


@cache
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_SlimSchema)
    for name in ("title", "description"):
        schema.pop(name, None)
    for parameter in schema.get("properties", {}).values():
        if not parameter.get("default", True):
            del parameter["default"]
    return schema
