"""Accounts of the hostile load test: every contact names its account, and every request names what it is answered with.

A contact's id begins with the number of its account, and its company is the account's mark. A request for a fault of
the fault table (tests/faults) has the fault's number in its contact id or its cursor, so that TeleCMI's stand-in knows
what to play and the caller knows what must come of it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from benchmarks.book import contact as book_contact
from faults import FAULTS
from faults.plays import CONTACT_ID, CURSOR, JOHN, TOKEN
from telecmi_mcp import errors
from telecmi_mcp._models import Contact, ContactPage

if TYPE_CHECKING:
    from faults.fault import Fault

_TABLE_COMPANY = JOHN["company"]
_FAULT_PAGE = 10  # contacts that a page of the fault table is asked for
_SIGN_IN_AGAIN = "Ask the administrator of this server to run telecmi-mcp team sign-in for you again"
_ACCOUNT_SHIFT, _FAULT_SHIFT, _FAULT_MARK = 96, 80, 0x4F << 72


def _has_number(fault: Fault) -> bool:
    """Whether a single request can name the fault."""
    names_itself = fault.contact_id is None or fault.tries == 1 or fault.name in {"contact-400", "contact-404"}
    is_one_call = fault.calls == 1 and not (fault.walk or fault.cancelled)
    return is_one_call and names_itself and not (fault.deaf or fault.tls or _begins_at_once(fault))


def _begins_at_once(fault: Fault) -> bool:
    return any(play.at_once for play in fault.script)


NUMBERED = tuple(fault for fault in FAULTS if _has_number(fault))
"""Faults that a request can ask for, by their numbers."""

AT_ONCE = tuple(fault for fault in FAULTS if _begins_at_once(fault) and not (fault.tls or fault.deaf))
"""Faults that begin before a request has come: any request may meet them."""


class Account:
    """One account at TeleCMI with its contacts.

    Attributes:
        number: Which one.
        size: How many contacts it has.
        mark: The company of all its contacts, as long as the one in the fault table.
        token: Its token, as long as the one in the fault table.
        user_id: Its user.
    """

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.size = size
        self.mark = f"acct-{number:04d}"
        self.token = f"{TOKEN[:-4]}{number:04d}"
        self.user_id = f"{number + 100}_1111112"
        assert (len(self.mark), len(self.token)) == (len(_TABLE_COMPANY), len(TOKEN))

    def contact(self, place: int) -> dict[str, str]:
        """Return the contact at a place. Other accounts have the same names and numbers there."""
        facts = {name: value for name, value in book_contact(place).items() if value is not None}
        number = f"9193000{place:05d}"
        return facts | {"contact_id": self.contact_id(place), "phone_no": number, "company": self.mark}

    def contact_id(self, place: int) -> str:
        """Return the id of the contact at a place."""
        return str(UUID(int=self.number + 1 << _ACCOUNT_SHIFT | place))

    def page(self, place: int, limit: int) -> dict[str, Any]:
        """Return a page as TeleCMI answers it."""
        contacts = [self.contact(each) for each in range(place, min(place + limit, self.size))]
        end = place + len(contacts)
        more = {"page_state": self.cursor(end)} if end < self.size else {}
        return {"code": 200, "contacts": contacts, "count": self.size, **more}

    def cursor(self, place: int) -> str:
        """Return the cursor of the page that begins at a place."""
        return f"bok-{self.number:04d}-{place:09d}"

    def fault_id(self, fault: int, nonce: int) -> str:
        """Return the contact id that asks for a fault; each nonce makes another one."""
        return str(UUID(int=self.number + 1 << _ACCOUNT_SHIFT | fault << _FAULT_SHIFT | _FAULT_MARK | nonce))

    def fault_cursor(self, fault: int, nonce: int) -> str:
        """Return the cursor that asks for a fault."""
        cursor = f"{fault:03d}-{self.number:04d}-{nonce:09d}"
        assert len(cursor) == len(CURSOR)
        return cursor

    def owns(self, contact: dict[str, str]) -> bool:
        """Whether a contact is this account's, or the one of the fault table whose bytes could not be changed."""
        contact_id, company = contact.get("contact_id", ""), contact.get("company")
        if (contact_id, company) == (CONTACT_ID, _TABLE_COMPANY):
            return True
        return company == self.mark and UUID(contact_id).int >> _ACCOUNT_SHIFT == self.number + 1

    def disguised(self, data: bytes, asked: dict[str, Any]) -> bytes:
        """Return bytes of the fault table with this account in place of the invented one, and of the same length."""
        data = data.replace(_TABLE_COMPANY.encode(), self.mark.encode()).replace(TOKEN.encode(), self.token.encode())
        data = data.replace(_in_pieces(TOKEN), _in_pieces(self.token))
        data = data.replace(CONTACT_ID.encode(), asked.get("contact_id", self.contact_id(0)).encode())
        return data.replace(CURSOR.encode(), asked.get("page_state", CURSOR).encode())


def _in_pieces(text: str) -> bytes:
    return json.dumps("\u200b".join(text))[1:-1].encode()


def asked_for(request: dict[str, Any]) -> int | None:
    """Return the number of the fault that a request asks for; ``None`` for a good answer."""
    if "contact_id" in request:
        number = UUID(request["contact_id"]).int
        return number >> _FAULT_SHIFT & 0xFFFF if number & 0xFF << 72 == _FAULT_MARK else None
    start = request.get("page_state", "bok")[:3]
    return int(start) if start.isdecimal() else None


class Expected(NamedTuple):
    """What may come of a call for a fault: the facts of an answer, or sentences of errors."""

    facts: dict[str, Any] | None
    sentences: frozenset[str]


@cache
def expected(number: int, timeout: float) -> Expected:
    """Return what the fault table says of a fault, as a caller of a team server meets it."""
    fault = NUMBERED[number]
    outcome = fault.outcome
    if isinstance(outcome, errors.TelecmiError):
        return Expected(None, _sentences(_seen_by_caller(outcome, fault, timeout)))
    assert outcome is not None
    # Where the retry budget is spent, the first try's error is the call's.
    spent = _RETRIED | _sentences(errors.DeadlineExceeded(timeout)) if fault.tries > 1 else frozenset()
    return Expected(_page_facts(outcome) if isinstance(outcome, ContactPage) else _facts(outcome), spent)


def fault_arguments(account: Account, fault: int, nonce: int) -> tuple[str, dict[str, Any]]:
    """Return the tool and the arguments of a call for a fault."""
    if NUMBERED[fault].contact_id is not None:
        return "get_contact", {"contact_id": account.fault_id(fault, nonce)}
    return "list_contacts", {"limit": _FAULT_PAGE, "page_state": account.fault_cursor(fault, nonce)}


def plain(account: Account, arguments: dict[str, Any], text: str) -> str:
    """Return the text of an answer with the words of the fault table in place of the account's."""
    text = text.replace(account.mark, _TABLE_COMPANY).replace(account.contact_id(0), CONTACT_ID)
    return text.replace(arguments.get("contact_id", CONTACT_ID), CONTACT_ID)


def late_sentences(timeout: float) -> frozenset[str]:
    """Return what a call ends with that had no answer in time, as on a machine that is overloaded."""
    return _sentences(errors.DeadlineExceeded(timeout))


def at_once_sentences() -> frozenset[str]:
    """Return what a call may end with whose connection met a fault of ``AT_ONCE``."""
    return frozenset().union(*(_sentences(fault.outcome) for fault in AT_ONCE))


def _seen_by_caller(error: errors.TelecmiError, fault: Fault, timeout: float) -> errors.TelecmiError:
    """Return the error with what differs here: the time limit, a cursor that was passed, who can sign in again."""
    if isinstance(error, errors.DeadlineExceeded):
        return errors.DeadlineExceeded(timeout)
    if isinstance(error, errors.TokenRejected):
        return errors.TokenRejected(error.status, hint=_SIGN_IN_AGAIN)
    if fault.contact_id is None and isinstance(error, errors.RequestRejected):
        return errors.InvalidCursor()
    if fault.contact_id is None and isinstance(error, errors.ServiceFailed):
        return errors.ServiceFailed(hint="Try again, then start again without page_state")
    return error


def _sentences(error: object) -> frozenset[str]:
    """Return the sentence of an error, and the one that it has where the call before met it too."""
    assert isinstance(error, errors.TelecmiError)
    return frozenset({str(error), f"{error.again_hint or error.hint}: {error.fact}."})


_RETRIED = frozenset().union(
    *(
        _sentences(_seen_by_caller(fault.outcome, fault, 0))
        for fault in FAULTS
        if isinstance(fault.outcome, errors.TelecmiError) and fault.outcome.retries
    )
) | {str(errors.RateLimited(seconds)) for seconds in (0, 2)}


def _facts(contact: Contact) -> dict[str, Any]:
    return {name: value for name, value in contact._asdict().items() if value is not None}


def _page_facts(page: ContactPage) -> dict[str, Any]:
    facts: dict[str, Any] = {"contacts": [_facts(each) for each in page.contacts], "count": page.count}
    return facts | {"has_more": False} | ({"notice": page.notice} if page.notice else {})
