"""Answers `POST /v3/contact/get`: one contact by id, or the list page by page."""

from collections.abc import Sequence
from dataclasses import replace

from telecmi_mcp.sandbox import responses
from telecmi_mcp.sandbox.contact_list import AnyContact, Organisation
from telecmi_mcp.sandbox.cursors import CursorMint, StaleCursorError
from telecmi_mcp.sandbox.people import make_contacts
from telecmi_mcp.sandbox.quirks import Quirks
from telecmi_mcp.sandbox.requests import GetCall, RefusedError


class ContactBook:
    """The contacts of the organisation and the cursors of its pages."""

    def __init__(self, contacts: Sequence[AnyContact] | None, *, seed: int) -> None:
        self._given = None if contacts is None else Organisation(contacts)
        self._seed = seed
        self._cursors = CursorMint(seed)
        self._used_cursors: set[str] = set()
        self._pages = 0

    def answer(self, call: GetCall, *, quirks: Quirks) -> dict[str, object]:
        """Return the fields of a successful response.

        Raises:
            RefusedError: The cursor is stale, or the contact is unknown and the quirks make that an error.
        """
        if call.contact_id is None:
            return self._list(call, quirks)
        if quirks.id_case == "upper_only" and call.contact_id != call.contact_id.upper():
            return self._look_up("", token=call.token, quirks=quirks)
        return self._look_up(call.contact_id.lower(), token=call.token, quirks=quirks)

    def forget_cursors(self) -> None:
        """Make every cursor stale that was sent so far."""
        self._cursors = replace(self._cursors, epoch=self._cursors.epoch + 1)

    def replace_contacts(self, contacts: Sequence[AnyContact]) -> None:
        """Replace the contacts; a cursor keeps its page number."""
        self._given = Organisation(contacts)

    @property
    def _organisation(self) -> Organisation:
        if self._given is None:
            self._given = Organisation(make_contacts(seed=self._seed))
        return self._given

    def _list(self, call: GetCall, quirks: Quirks) -> dict[str, object]:
        step = self._step(call, quirks)
        page = self._organisation.cut(step, limit=call.limit, quirks=quirks)
        cursor = None
        if page.next_step is not None:
            cursor = self._cursors.mint(page.next_step, limit=_cursor_limit(call, quirks), form=quirks.cursor_form)
        contacts = responses.contact_list(page, token=call.token, quirks=quirks)
        self._pages += 1
        if quirks.order == "changing" and contacts:
            start = self._pages % len(contacts)
            contacts = contacts[start:] + contacts[:start]
        return {
            **responses.contact_fields(contacts, token=call.token, quirks=quirks),
            **responses.list_fields(
                len(self._organisation), step=step, cursor=cursor, quirks=quirks, sent=call.page_state
            ),
        }

    def _step(self, call: GetCall, quirks: Quirks) -> int:
        if call.page_state is None:
            return 0
        try:
            step = self._cursors.read(call.page_state, limit=_cursor_limit(call, quirks), form=quirks.cursor_form)
        except StaleCursorError:
            return self._stale_step(quirks)
        if call.page_state in self._used_cursors:
            return self._stale_step(quirks)
        if quirks.cursor_use == "once":
            self._used_cursors.add(call.page_state)
        return step

    def _stale_step(self, quirks: Quirks) -> int:
        match quirks.stale_cursor:
            case "first_page":
                return 0
            case "empty_page":
                return len(self._organisation)  # no list has more pages than contacts
            case "code_500":
                raise RefusedError(500, "Something went wrong!")
            case "code_400":
                raise RefusedError(400, "Invalid parameters: page_state")

    def _look_up(self, contact_id: str, *, token: str, quirks: Quirks) -> dict[str, object]:
        position = self._organisation.find(contact_id)
        if position is None:
            fields = self._unknown(token=token, quirks=quirks)
        else:
            fields = self._known(position, token=token, quirks=quirks)
        return {**fields, **responses.list_fields(len(self._organisation), step=0, cursor=None, quirks=quirks)}

    def _known(self, position: int, *, token: str, quirks: Quirks) -> dict[str, object]:
        contacts = responses.contact_list(self._organisation.page_of(position), token=token, quirks=quirks)
        forms = {"list": contacts, "object": contacts[0], "twice": contacts * 2}
        return responses.contact_fields(forms[quirks.known_contact], token=token, quirks=quirks)

    def _unknown(self, *, token: str, quirks: Quirks) -> dict[str, object]:
        match quirks.unknown_contact:
            case "code_404":
                raise RefusedError(404, "Contact not found")
            case "code_400":
                raise RefusedError(400, "Invalid parameters: contact_id")
            case "other_contact":
                # No contact has this id, so the first contact is another one.
                first = responses.contact_list(self._organisation.page_of(0), token=token, quirks=quirks)
                return responses.contact_fields(first, token=token, quirks=quirks)
            case "missing":
                return {}
        forms: dict[str, object] = {"empty_list": [], "null": None, "object": {}}
        return {"contacts": forms[quirks.unknown_contact]}


def _cursor_limit(call: GetCall, quirks: Quirks) -> int:
    return 0 if quirks.cursor_limit == "any" else call.limit
