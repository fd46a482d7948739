"""The limits of a process that has rested: a pipe with httpx2 behind it, or with bare sockets; no SDK, no checks."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

BOOK = "/v3/contact/get"
TOKEN = os.environ["TELECMI_TOKEN"]
URL = os.environ["TELECMI_BASE_URL"]

Ask = Callable[[dict], Awaitable[dict]]


async def over_httpx2() -> Ask:
    import httpx2  # the sockets do without it

    client = httpx2.AsyncClient(base_url=URL, timeout=30)

    async def ask(body: dict) -> dict:
        return (await client.post(BOOK, json=body)).json()

    await ask({"token": TOKEN, "limit": 1})  # connects
    return ask


async def over_sockets() -> Ask:
    url = urlsplit(URL)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)

    async def ask(body: dict) -> dict:
        content = json.dumps(body).encode()
        writer.write(b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (BOOK.encode(), len(content), content))
        head = await reader.readuntil(b"\r\n\r\n")
        return json.loads(await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0])))

    await ask({"token": TOKEN, "limit": 1})
    return ask


async def result(ask: Ask, message: dict) -> dict:
    if message["method"] != "tools/call":
        return {"tools": []}
    (contact,) = (await ask({"token": TOKEN, **message["params"]["arguments"]}))["contacts"]
    return {"content": [{"type": "text", "text": json.dumps(contact)}], "structuredContent": contact}


async def main() -> None:
    ask = await {"httpx2": over_httpx2, "sockets": over_sockets}[sys.argv[1]]()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(0, lambda: pieces.put_nowait(os.read(0, 65536)))
    while piece := await pieces.get():
        for line in piece.splitlines():
            message = json.loads(line)
            if "id" in message:
                answer = {"jsonrpc": "2.0", "id": message["id"], "result": await result(ask, message)}
                os.write(1, json.dumps(answer).encode() + b"\n")
    os._exit(0)


asyncio.run(main())
