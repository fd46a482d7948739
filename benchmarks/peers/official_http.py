"""The official SDK's server over Streamable HTTP, without sessions and in plain JSON: ``official_http.py PORT``."""

import sys

import uvicorn
from official import mcp

if __name__ == "__main__":
    app = mcp.streamable_http_app(stateless_http=True, json_response=True)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
