"""The server, for a host that starts the manifest's entry point instead of its command."""

from telecmi_mcp._cli import main

if __name__ == "__main__":
    raise SystemExit(main())
