"""A pretend TeleCMI on loopback with several users, each with contacts of its own, and events that a test waits for.

Each user is a stage of tests/clients/stage.py, at whose events ``URL/USER/EVENT`` arrives.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from clients.stage import Stage, serving
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks, make_contacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.types import Message, Receive, Scope, Send

    from telecmi_mcp.sandbox import Contact

COUNT = 150


class User(NamedTuple):
    """Somebody with an account at TeleCMI."""

    name: str
    user_id: str
    password: str
    token: str
    seed: int

    @property
    def contacts(self) -> list[Contact]:
        """The contacts of this user."""
        return make_contacts(COUNT, seed=self.seed)


def user(name: str, number: int) -> User:
    """An invented user; what is secret says whose it is."""
    return User(name, f"{number}_1111112", f"password-of-{name}-7Qx2", f"token/of+{name}=9Kz4", number)


class Telecmi:
    """The ASGI app."""

    def __init__(self, users: Sequence[User]) -> None:
        self._users = users
        self._stages = {each.name: Stage(Quirks(), contacts=each.contacts) for each in users}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of the server, or let a test's program wait for an event."""
        if scope["method"] == "GET":
            _, name, what = scope["path"].split("/")
            await self._stages[name]({**scope, "path": f"/{what}"}, receive, send)
            return
        message = await receive()  # uvicorn gives a small body whole
        asked = json.loads(message["body"])
        if scope["path"].endswith("login"):
            await _answer(send, self._sign_in(asked))
            return
        known = [each for each in self._users if each.token == asked["token"]]
        if not known:
            await _answer(send, {"code": 404, "error": True, "msg": f"no user for {asked['token']}"})
            return
        body = json.dumps({**asked, "token": SANDBOX_TOKEN}).encode()
        await self._stages[known[0].name](scope, _first({**message, "body": body}, receive), send)

    def _sign_in(self, asked: dict[str, str]) -> dict[str, object]:
        for each in self._users:
            if (each.user_id, each.password) == (asked["id"], asked["password"]):
                return {"code": 200, "token": each.token, "agent": {"id": each.user_id, "name": each.name}}
        return {"code": 404, "error": True, "msg": f"wrong: {asked}"}


async def _answer(send: Send, answer: dict[str, object]) -> None:
    head = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def _first(message: Message, receive: Receive) -> Receive:
    left = [message]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


@contextmanager
def opened_telecmi(*users: User) -> Iterator[str]:
    """Serve it on loopback and give its address."""
    with serving(Telecmi(users)) as address:
        yield address
