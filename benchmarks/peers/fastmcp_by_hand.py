"""FastMCP over httpx2, written as its documentation teaches."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx2
from fastmcp import Context, FastMCP
from pydantic import BaseModel, Field


class Contact(BaseModel):
    contact_id: str
    phone_no: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email_id: str | None = None
    company: str | None = None
    job_title: str | None = None


class ContactPage(BaseModel):
    contacts: list[Contact]
    count: int
    has_more: bool
    page_state: str | None = None


@asynccontextmanager
async def lifespan(_: FastMCP) -> AsyncIterator[dict]:
    async with httpx2.AsyncClient(base_url=os.environ["TELECMI_BASE_URL"], timeout=30) as client:
        yield {"client": client}


mcp = FastMCP("telecmi", lifespan=lifespan)


async def ask(ctx: Context, **body: object) -> dict:
    client = ctx.lifespan_context["client"]
    response = await client.post("/v3/contact/get", json={"token": os.environ["TELECMI_TOKEN"], **body})
    response.raise_for_status()
    answer = response.json()
    if answer["code"] != 200:
        raise ValueError(answer["msg"])
    return answer


@mcp.tool
async def get_contact(
    ctx: Context, contact_id: Annotated[str, Field(description="The contact's id, a UUID.")]
) -> Contact:
    """Read one contact by its id."""
    answer = await ask(ctx, contact_id=contact_id)
    return Contact.model_validate(answer["contacts"][0])


@mcp.tool
async def list_contacts(
    ctx: Context,
    limit: Annotated[int, Field(ge=1, le=100, description="Contacts per page.")] = 10,
    page_state: Annotated[str | None, Field(description="Cursor from the page before.")] = None,
) -> ContactPage:
    """Read the organisation's contacts page by page."""
    answer = await ask(ctx, limit=limit, **({"page_state": page_state} if page_state else {}))
    page_state = answer.get("page_state") or None
    return ContactPage(
        contacts=answer["contacts"], count=answer["count"], has_more=page_state is not None, page_state=page_state
    )


if __name__ == "__main__":
    mcp.run(show_banner=False)
