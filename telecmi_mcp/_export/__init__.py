"""Writes all contacts to one file, which gets its name when it is complete."""

from telecmi_mcp._export.formats import FILE_FORMATS, FileFormat, open_format
from telecmi_mcp._export.partial_file import PartialFile
from telecmi_mcp._export.run import Exported, export

__all__ = ["FILE_FORMATS", "Exported", "FileFormat", "PartialFile", "export", "open_format"]
