"""The record of a call, from which the audit of a team server is written."""

from __future__ import annotations

import pytest

from telecmi_mcp import errors
from telecmi_mcp._mcp.call_record import raise_if_rejected, record_contacts, record_failure, recording


def test_a_record_holds_what_its_own_call_reported() -> None:
    with recording() as outer:
        with recording() as inner:
            record_contacts([{"contact_id": "a"}, {"id": "b"}, {"contact_id": "a", "company": "Acme"}], unlisted=2)
            record_failure("rate_limited")
        record_contacts([{"contact_id": "c"}])
    assert (inner.code, inner.contact_ids, inner.unlisted) == ("rate_limited", ["a", "b", "a"], 2)
    assert (outer.code, outer.contact_ids, outer.unlisted) == ("ok", ["c"], 0)


def test_without_a_record_nothing_is_reported() -> None:
    record_contacts([{"contact_id": "c"}])
    record_failure("rate_limited")
    raise_if_rejected()
    with recording() as record:
        raise_if_rejected()
    assert (record.code, record.contact_ids, record.refusal) == ("ok", (), None)


def test_the_refusal_of_a_call_is_raised_in_that_call() -> None:
    with recording() as record:
        record.refusal = errors.CallLimitReached(60)
        with pytest.raises(errors.CallLimitReached):
            raise_if_rejected()
    raise_if_rejected()
