"""Writes contacts to one file, which gets its name when it is complete."""

from telecmi_mcp._export.folder import ExportSlot, WrittenFile, check_folder
from telecmi_mcp._export.formats import FILE_FORMATS, FileFormat, open_format, open_vcard_3
from telecmi_mcp._export.partial_file import PartialFile
from telecmi_mcp._export.run import Exported, export
from telecmi_mcp._export.stream import export_stream

__all__ = [
    "FILE_FORMATS",
    "ExportSlot",
    "Exported",
    "FileFormat",
    "PartialFile",
    "WrittenFile",
    "check_folder",
    "export",
    "export_stream",
    "open_format",
    "open_vcard_3",
]
