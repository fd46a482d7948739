"""ASGI app of the simulated TeleCMI: an account, a list of contacts, and a record of requests."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from telecmi_mcp.sandbox import responses
from telecmi_mcp.sandbox.accounts import SANDBOX_USER_ID, Account
from telecmi_mcp.sandbox.contact_list import AnyContact
from telecmi_mcp.sandbox.contacts_endpoint import ContactBook
from telecmi_mcp.sandbox.quirks import Quirks
from telecmi_mcp.sandbox.recorder import SandboxState
from telecmi_mcp.sandbox.requests import MAX_BODY_BYTES, GetCall, RefusedError, parse_fields, read_login

_LOGIN_PATH = "/v2/user/login"
_GET_PATH = "/v3/contact/get"
# The fields and types of TeleCMI's sample answer: inet_no is the app id, a number.
_AGENT = {"category": "inr", "id": SANDBOX_USER_ID, "inet_no": 1111112, "name": "Sandbox User"}
_BAD_TOKEN = {
    "not_found": "Authenticated user record not found",
    "failed_to_authenticate": "Failed to authenticate token.",
}


class Sandbox:
    """A simulated TeleCMI for an ASGI server or for calls in the same process.

    `quirks` may be replaced at any time; the next request follows the new ones. `state` is for reading.
    """

    def __init__(
        self,
        quirks: Quirks,
        *,
        contacts: Sequence[AnyContact] | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        seed: int,
    ) -> None:
        self.quirks = quirks
        self.state = SandboxState()
        self._sleep = sleep
        self._account = Account(clock=clock, seed=seed)
        self._book = ContactBook(contacts, seed=seed)
        self._calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _handle_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            await self._serve(scope, receive, send)

    def revoke(self, token: str) -> None:
        """Revoke one token."""
        self._account.revoke(token)

    def change_password(self, password: str) -> None:
        """Set another password, which revokes every token."""
        self._account.change_password(password)

    def unlock(self) -> None:
        """End a lockout."""
        self._account.unlock()

    def forget_cursors(self) -> None:
        """Make every cursor stale that was sent so far."""
        self._book.forget_cursors()

    def replace_contacts(self, contacts: Sequence[AnyContact]) -> None:
        """Replace the contacts of the organisation."""
        self._book.replace_contacts(contacts)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await _read(request)
        except ClientDisconnect:
            return
        self.state.note(request, body)
        if self.quirks.answer_seconds:
            await self._sleep(self.quirks.answer_seconds)
        response = await self._answer(request, body)
        await response(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        path = request.scope["path"]
        if request.method != "POST" or path not in (_LOGIN_PATH, _GET_PATH):
            return responses.no_route(request.method, path)
        fields: dict[str, object] = {}
        try:
            self._throttle()
            fields = parse_fields(body, content_type=request.headers.get("content-type", ""))
            answer = await self._login(fields) if path == _LOGIN_PATH else self._get(fields)
        except RefusedError as error:
            return responses.refusal(error, token=fields.get("token"), quirks=self.quirks)
        return responses.success(answer, quirks=self.quirks)

    def _throttle(self) -> None:
        """Count a call, and reject it if the quirks throttle it."""
        self._calls += 1
        over = self._calls - self.quirks.rate_limit_after
        is_over = over > 0 and (self.quirks.rate_limit_refusals is None or over <= self.quirks.rate_limit_refusals)
        if self.quirks.rate_limit != "never" and is_over:
            raise RefusedError(self.quirks.rate_limit_code, "Too many requests", throttled=True)

    async def _login(self, fields: dict[str, object]) -> dict[str, object]:
        self.state.login_count += 1
        user_id, password = read_login(fields)
        if self.quirks.login_seconds:
            await self._sleep(self.quirks.login_seconds)
        token = self._account.login(user_id, password, quirks=self.quirks)
        if token is None:
            raise RefusedError(404, "Invalid user id or password, authentication failed")
        self.state.tokens.append(token)
        answer = {"msg": "User loged in successfully", "token": token, "agent": _AGENT}
        omitted = {"documented": "", "without_agent": "agent", "without_token": "token"}
        return {name: value for name, value in answer.items() if name != omitted[self.quirks.login_answer]}

    def _get(self, fields: dict[str, object]) -> dict[str, object]:
        call = GetCall.from_fields(fields, quirks=self.quirks)
        if not self._account.accepts(call.token, quirks=self.quirks):
            raise RefusedError(self.quirks.bad_token_code, _BAD_TOKEN[self.quirks.bad_token_text])
        return self._book.answer(call, quirks=self.quirks)


async def _read(request: Request) -> bytes:
    """Read the body, and stop as soon as it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            break
    return body


async def _handle_lifespan(receive: Receive, send: Send) -> None:
    """Confirm the start and the stop of a server."""
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
