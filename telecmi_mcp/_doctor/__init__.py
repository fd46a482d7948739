"""What ``telecmi-mcp check`` finds out: one module for each thing that goes wrong at other people's desks."""

from telecmi_mcp._doctor._account import Reply, ask_telecmi, judge_reply, judge_sign_in
from telecmi_mcp._doctor._clients import look_at_clients
from telecmi_mcp._doctor._configured import look_at_settings, look_for_secrets
from telecmi_mcp._doctor._copy import look_at_index
from telecmi_mcp._doctor._finding import Finding, Verdict
from telecmi_mcp._doctor._probe import Door, judge_clock, judge_connection, look_at_door
from telecmi_mcp._doctor._surroundings import look_at_certificates, look_at_proxy, look_at_versions

__all__ = [
    "Door",
    "Finding",
    "Reply",
    "Verdict",
    "ask_telecmi",
    "judge_clock",
    "judge_connection",
    "judge_reply",
    "judge_sign_in",
    "look_at_certificates",
    "look_at_clients",
    "look_at_door",
    "look_at_index",
    "look_at_proxy",
    "look_at_settings",
    "look_at_versions",
    "look_for_secrets",
]
