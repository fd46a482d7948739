"""The limit: httpx2 in a loop, with no server around it. Prints a JSON list of seconds, one for each call or walk."""

import argparse
import asyncio
import json
import os
import sys
import time

import httpx2


async def timed_calls(client: httpx2.AsyncClient, times: int, **body: object) -> list[float]:
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        await ask(client, **body)
        seconds.append(time.perf_counter() - begun)
    return seconds


async def walk(client: httpx2.AsyncClient, **body: object) -> float:
    begun = time.perf_counter()
    while page_state := (await ask(client, **body)).get("page_state"):
        body["page_state"] = page_state
    return time.perf_counter() - begun


async def ask(client: httpx2.AsyncClient, **body: object) -> dict:
    response = await client.post("/v3/contact/get", json={"token": os.environ["TELECMI_TOKEN"], **body})
    return response.json()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=0, help="time so many calls; otherwise one walk over all pages")
    parser.add_argument("body", type=json.loads, help="what each call asks for")
    arguments = parser.parse_args()
    async with httpx2.AsyncClient(base_url=os.environ["TELECMI_BASE_URL"], timeout=30) as client:
        await ask(client, **arguments.body)  # connects
        if arguments.calls:
            seconds = await timed_calls(client, arguments.calls, **arguments.body)
        else:
            seconds = [await walk(client, **arguments.body)]
    json.dump(seconds, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
