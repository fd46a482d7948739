"""Finds out with few requests which form each open point of TeleCMI's API takes, for a report without contacts."""

from telecmi_mcp._doctor.contract.check import check_contract, describe_requests
from telecmi_mcp._doctor.contract.exchange import MAX_REQUESTS, PAUSE_S
from telecmi_mcp._doctor.contract.points import POINTS, Point
from telecmi_mcp._doctor.contract.report import ContractReport

__all__ = [
    "MAX_REQUESTS",
    "PAUSE_S",
    "POINTS",
    "ContractReport",
    "Point",
    "check_contract",
    "describe_requests",
]
