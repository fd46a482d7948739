"""Checks the folder of the tool ``export_contacts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import MAX_SHOWN_CHARS, CheckResult, Verdict, advice_of
from telecmi_mcp._export import check_folder
from telecmi_mcp._mcp.tools.export_contacts import EXPORT_CONTACTS
from telecmi_mcp._mcp.toolsets import toolset_of
from telecmi_mcp._sanitize import clean
from telecmi_mcp.errors import FileUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp._config.settings import Settings


def check_export_folder(settings: Settings) -> Iterator[CheckResult]:
    """Yield whether files can be written into the folder; nothing if the setting is not set."""
    folder = settings.export_folder
    if folder is None:
        return
    toolset = toolset_of(settings.tools, settings.tool_prefix, exports=True)
    if EXPORT_CONTACTS not in toolset.tools:
        yield CheckResult("Export folder", Verdict.GOOD, f"not used, because TELECMI_TOOLS is {settings.tools}")
        return
    try:
        check_folder(folder)
    except FileUnusable as unusable:
        yield CheckResult("Export folder", Verdict.BAD, unusable.fact, advice_of(unusable))
    else:
        shown, tool = clean(str(folder), limit=MAX_SHOWN_CHARS), toolset.names.shown(EXPORT_CONTACTS.name)
        yield CheckResult("Export folder", Verdict.GOOD, f"{tool} writes into {shown}")
