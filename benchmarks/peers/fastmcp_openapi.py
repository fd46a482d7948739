"""FastMCP from an OpenAPI document.

The document cannot describe one POST as two operations, so each has a path of its own; and TeleCMI's token
belongs into the body, where no security scheme can put it.
"""

import json
import os

import httpx2
from fastmcp import FastMCP

STRING = {"type": "string"}
CONTACT = {
    "type": "object",
    "properties": {
        name: {"type": ["string", "null"]}
        for name in ("contact_id", "phone_no", "first_name", "last_name", "email_id", "company", "job_title")
    },
}
ANSWER = {
    "type": "object",
    "properties": {
        "code": {"type": "integer"},
        "contacts": {"type": "array", "items": CONTACT},
        "count": {"type": "integer"},
        "page_state": STRING,
    },
}


def operation(name: str, summary: str, properties: dict, required: list[str]) -> dict:
    takes = {"type": "object", "properties": properties, "required": required}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": {"schema": takes}}},
            "responses": {"200": {"description": "Success", "content": {"application/json": {"schema": ANSWER}}}},
        }
    }


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "TeleCMI contacts", "version": "3"},
    "paths": {
        "/v3/contact/get": operation(
            "get_contact",
            "Read one contact by its id.",
            {"contact_id": {**STRING, "description": "The contact's id, a UUID."}},
            ["contact_id"],
        ),
        "/v3/contact/list": operation(
            "list_contacts",
            "Read the organisation's contacts page by page.",
            {
                "limit": {"type": "integer", "minimum": 1, "maximum": 100, "description": "Contacts per page."},
                "page_state": {**STRING, "description": "Cursor from the page before."},
            },
            [],
        ),
    },
}


class TokenInBody(httpx2.Auth):
    requires_request_body = True

    def auth_flow(self, request):
        body = {"token": os.environ["TELECMI_TOKEN"], **json.loads(request.content)}
        yield httpx2.Request(request.method, request.url, json=body, extensions=request.extensions)


client = httpx2.AsyncClient(base_url=os.environ["TELECMI_BASE_URL"], auth=TokenInBody(), timeout=30)
mcp = FastMCP.from_openapi(DOCUMENT, client=client, name="telecmi")

if __name__ == "__main__":
    mcp.run(show_banner=False)
