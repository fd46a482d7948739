"""FastMCP's server over Streamable HTTP, without sessions and in plain JSON: ``fastmcp_http.py PORT``."""

import sys

from fastmcp_by_hand import mcp

if __name__ == "__main__":
    mcp.run(
        transport="http",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        stateless_http=True,
        json_response=True,
        show_banner=False,
        log_level="warning",
    )
