"""The report of the contract check, as Markdown for an issue and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from telecmi_mcp import __version__

REPORT_VERSION = 1
"""Counts up when a point gets another name or other forms."""


@dataclass(frozen=True, slots=True)
class ContractReport:
    """What the check has seen, in words and numbers of this package only.

    Attributes:
        service: Which service was asked: its documented host, the sandbox, or another one, which is not named.
        requests: Number of requests to TeleCMI, with a login if there was one.
        stopped: Why the check ended early; "" if it did not.
        points: The form of each point.
        calls: What was sent, and the status, the code and the time of each answer.
        report_version: Version of this form.
        version: Version of the package.
    """

    service: str
    requests: int
    stopped: str
    points: dict[str, str] = field(default_factory=dict)
    calls: tuple[dict[str, str | int], ...] = ()
    report_version: int = REPORT_VERSION
    version: str = __version__

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    def as_markdown(self) -> str:
        """Return a block that can be pasted into an issue."""
        requests = f"{self.requests} request{'' if self.requests == 1 else 's'}"
        end = f"stopped: {self.stopped}" if self.stopped else "complete"
        return "\n".join(
            [
                f"### TeleCMI contract report, version {self.report_version}",
                "",
                f"telecmi-mcp {self.version}; {self.service}; {requests}; {end}",
                "",
                "| point | seen |",
                "|---|---|",
                *(f"| `{name}` | {seen} |" for name, seen in self.points.items()),
                "",
                "| request | HTTP status | code | ms |",
                "|---|---|---|---|",
                *(
                    f"| {call['request']} | {call['http_status']} | {call['code']} | {call['ms']} |"
                    for call in self.calls
                ),
            ]
        )
