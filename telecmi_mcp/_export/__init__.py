"""All contacts of the organisation in one file: kept beside it while they are read, put in its place when whole."""

from telecmi_mcp._export._draft import Draft
from telecmi_mcp._export._export import Exported, export
from telecmi_mcp._export._forms import FORMS, Form, open_form

__all__ = ["FORMS", "Draft", "Exported", "Form", "export", "open_form"]
