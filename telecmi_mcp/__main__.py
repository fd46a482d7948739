"""``python -m telecmi_mcp`` is the command ``telecmi-mcp``."""

from telecmi_mcp._cli import main

if __name__ == "__main__":
    raise SystemExit(main())
