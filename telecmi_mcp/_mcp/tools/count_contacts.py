"""The tool ``count_contacts``: counts contacts, groups them and finds duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from telecmi_mcp._index.request import CountRequest
from telecmi_mcp._index.result import utc_time
from telecmi_mcp._mcp.tools.coercion import INTEGER
from telecmi_mcp._mcp.tools.filters import EXPECTED_FILTERS, Company, JobTitle, Missing, filters_of
from telecmi_mcp._mcp.tools.schemas import closed_object, without_none
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import CountResult

_MAX_GROUPS = 100
_PERSONAL = ("phone_no", "email_id", "name")  # a group has the value of its contacts, which may be one
_MAX_COUNT = 1_000_000_000  # no group is larger, and databases take no larger number


def _without_empty(schema: dict[str, Any]) -> None:
    """Leave the value that stands for no grouping out of the schema."""
    schema["enum"].remove("")


class CountContactsArguments(Arguments):
    """Arguments of count_contacts."""

    expected: ClassVar[Mapping[str, str]] = {
        **EXPECTED_FILTERS,
        "group_by": "company, job_title, email_domain, country, phone_no, email_id or name",
        "min_count": "an integer from 1",
        "max_groups": f"an integer from 1 to {_MAX_GROUPS}",
    }

    company: Company = ""
    job_title: JobTitle = ""
    missing: Missing = ()
    group_by: Annotated[
        Literal["", "company", "job_title", "email_domain", "country", "phone_no", "email_id", "name"],
        Field(
            json_schema_extra=_without_empty,
            description="phone_no, email_id and name show duplicates. country: of the number, such as IN or US/CA.",
        ),
    ] = ""
    min_count: Annotated[
        int, Field(ge=1, description="Size of the smallest group. Default: 2 for duplicates, else 1."), INTEGER
    ] = 0
    max_groups: Annotated[int, Field(ge=1, le=_MAX_GROUPS, description="Maximum groups."), INTEGER] = 10


async def _count_contacts(app: App, arguments: CountContactsArguments, report: Report) -> Answer:
    request = CountRequest(
        filters=filters_of(arguments),
        group_by=arguments.group_by or None,
        min_count=min(arguments.min_count, _MAX_COUNT) or None,
        max_groups=arguments.max_groups,
    )
    result = await app.directory.count(request, report=report)
    shown = result.counts.groups if request.group_by in _PERSONAL else ()
    return Answer(_result_data(result, request), unlisted=sum(group.size for group in shown))


def _result_data(result: CountResult, request: CountRequest) -> dict[str, Any]:
    counts = result.counts
    data: dict[str, Any] = {"total": counts.total}
    if request.group_by:
        data |= {
            "groups": [{"value": group.value, "count": group.size} for group in counts.groups],
            "more_groups": counts.more_groups,
            "in_no_group": counts.in_no_group,
        }
    data |= {
        "companies": list(counts.companies) or None,
        "complete": result.is_confirmed,
    }
    if not result.is_confirmed:
        data |= {"indexed": result.indexed, "count": result.count, "as_of": utc_time(result.as_of)}
    return without_none({**data, "notice": result.notice or None})


COUNT_CONTACTS = Tool(
    name="count_contacts",
    title="Count TeleCMI contacts",
    description=(
        "Count all contacts, or those that pass the filters, and group them: the largest companies, shared phone "
        "numbers, duplicate names. Returns numbers, not contacts."
    ),
    summary="Count and group contacts, and find duplicates.",
    arguments=CountContactsArguments,
    output_schema=closed_object(
        {
            "total": {"type": "integer", "description": "Contacts that pass the filters, not groups."},
            "groups": {
                "type": "array",
                "items": closed_object({"value": {"type": "string"}, "count": {"type": "integer"}}, "value", "count"),
            },
            "more_groups": {"type": "integer", "description": "Number of further groups."},
            "in_no_group": {"type": "integer", "description": "Contacts without a value."},
            "complete": {"type": "boolean"},
            "indexed": {"type": "integer"},
            "count": {"type": "integer"},
            "as_of": {"type": "string"},
            "companies": {"type": "array", "items": {"type": "string"}},
            "notice": {"type": "string"},
        },
        "total",
        "complete",
    ),
    rows="groups",
    run=_count_contacts,
)
