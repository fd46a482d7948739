"""Checks of ``telecmi-mcp check``: one module for each kind of trouble."""

from telecmi_mcp._doctor.account import Reply, ask_telecmi, judge_reply, judge_sign_in
from telecmi_mcp._doctor.clients import look_at_clients
from telecmi_mcp._doctor.connection import ConnectionProbe, judge_clock, judge_connection, probe_connection
from telecmi_mcp._doctor.early_answers import look_at_early_answers
from telecmi_mcp._doctor.environment import look_at_certificates, look_at_proxy, look_at_versions
from telecmi_mcp._doctor.index import look_at_index
from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._doctor.settings import look_at_settings, look_for_secrets

__all__ = [
    "CheckResult",
    "ConnectionProbe",
    "Reply",
    "Verdict",
    "ask_telecmi",
    "judge_clock",
    "judge_connection",
    "judge_reply",
    "judge_sign_in",
    "look_at_certificates",
    "look_at_clients",
    "look_at_early_answers",
    "look_at_index",
    "look_at_proxy",
    "look_at_settings",
    "look_at_versions",
    "look_for_secrets",
    "probe_connection",
]
