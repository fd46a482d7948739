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

    def answer(self, call: GetCall, *, quirks: Quirks) -> dict[str, object]:
        """Return the fields of a successful response.

        Raises:
            RefusedError: The cursor is stale, or the contact is unknown and the quirks make that an error.
        """
        if call.contact_id is None:
            return self._list(call, quirks)
        return self._look_up(call.contact_id, token=call.token, quirks=quirks)

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
            cursor = self._cursors.mint(page.next_step, limit=call.limit, form=quirks.cursor_form)
        contacts = responses.contact_list(page, token=call.token, quirks=quirks)
        return {
            **responses.contact_fields(contacts, token=call.token, quirks=quirks),
            **responses.list_fields(len(self._organisation), step=step, cursor=cursor, quirks=quirks),
        }

    def _step(self, call: GetCall, quirks: Quirks) -> int:
        if call.page_state is None:
            return 0
        try:
            return self._cursors.read(call.page_state, limit=call.limit, form=quirks.cursor_form)
        except StaleCursorError:
            if quirks.stale_cursor == "code_500":
                raise RefusedError(500, "Something went wrong!") from None
            raise RefusedError(400, "Invalid parameters: page_state") from None

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
