"""Checks the settings, the network, the account, the index and the clients for ``telecmi-mcp check``."""

from telecmi_mcp._doctor.account import Reply, call_telecmi, check_reply, check_sign_in
from telecmi_mcp._doctor.audit_file import check_audit_file
from telecmi_mcp._doctor.causes import keep_first_cause
from telecmi_mcp._doctor.clients import check_clients
from telecmi_mcp._doctor.connection import ConnectionProbe, check_clock, check_connection, probe_connection
from telecmi_mcp._doctor.early_answers import check_early_answers
from telecmi_mcp._doctor.environment import check_certificates, check_proxy, check_versions
from telecmi_mcp._doctor.export_folder import check_export_folder
from telecmi_mcp._doctor.index import check_index
from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._doctor.settings import check_secrets, check_settings
from telecmi_mcp._doctor.team_server import check_team_server

__all__ = [
    "CheckResult",
    "ConnectionProbe",
    "Reply",
    "Verdict",
    "call_telecmi",
    "check_audit_file",
    "check_certificates",
    "check_clients",
    "check_clock",
    "check_connection",
    "check_early_answers",
    "check_export_folder",
    "check_index",
    "check_proxy",
    "check_reply",
    "check_secrets",
    "check_settings",
    "check_sign_in",
    "check_team_server",
    "check_versions",
    "keep_first_cause",
    "probe_connection",
]
