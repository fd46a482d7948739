"""The list of the tools, in the order in which clients show them; a new tool is added here."""

from __future__ import annotations

from telecmi_mcp._mcp.tools.chatgpt import FETCH, SEARCH
from telecmi_mcp._mcp.tools.count_contacts import COUNT_CONTACTS
from telecmi_mcp._mcp.tools.export_contacts import EXPORT_CONTACTS
from telecmi_mcp._mcp.tools.get_contact import GET_CONTACT
from telecmi_mcp._mcp.tools.list_contacts import LIST_CONTACTS
from telecmi_mcp._mcp.tools.lookup_contacts import LOOKUP_CONTACTS
from telecmi_mcp._mcp.tools.search_contacts import SEARCH_CONTACTS

TOOLS = (SEARCH_CONTACTS, LOOKUP_CONTACTS, COUNT_CONTACTS, GET_CONTACT, LIST_CONTACTS)
"""The tools of every server; each of them only reads."""

LOCAL_TOOLS = (*TOOLS, EXPORT_CONTACTS)
"""The tools of a stdio server whose user set TELECMI_EXPORT_FOLDER."""

CHATGPT_TOOLS = (SEARCH, FETCH)
"""The tools of a server with TELECMI_TOOLS=chatgpt, instead of those above."""
