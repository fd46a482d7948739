"""Tests an export to a stream: each contact once, and the result says whether all are written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest

from conftest import opened_client
from telecmi_mcp._export import export_stream, open_format
from telecmi_mcp.errors import InvalidCursor, SignInError
from telecmi_mcp.sandbox import Quirks, create_sandbox, make_contacts

if TYPE_CHECKING:
    from telecmi_mcp._export import Exported

PATIENCE_S = 60


class Rig:
    """An export of the sandbox's contacts into memory."""

    def __init__(self, quirks: Quirks, *, is_same: bool = True) -> None:
        self.written = b""
        self.shown: list[tuple[int, int | None]] = []
        self._quirks = quirks
        self._is_same = is_same

    async def run(self) -> Exported:
        async def no_sleep(_: float) -> None:
            await anyio.lowlevel.checkpoint()

        with anyio.fail_after(PATIENCE_S):
            async with opened_client(create_sandbox(self._quirks)) as client:
                return await export_stream(
                    client,
                    open_format("jsonl"),
                    self.write,
                    report=self.report,
                    is_same_account=self.is_same_account,
                    sleep=no_sleep,
                )

    def write(self, content: bytes) -> None:
        self.written += content

    async def report(self, read: int, count: int | None) -> None:
        self.shown.append((read, count))

    async def is_same_account(self) -> bool:
        return self._is_same

    @property
    def ids(self) -> list[str]:
        return [json.loads(line)["contact_id"] for line in self.written.splitlines()]


async def test_every_contact_is_written_once_page_by_page() -> None:
    rig = Rig(Quirks())
    exported = await rig.run()
    assert (exported.contacts, exported.is_whole, len(set(rig.ids)), len(rig.ids)) == (150, True, 150, 150)
    assert rig.shown == [(100, 150), (150, 150)]


async def test_a_contact_on_two_pages_is_written_once() -> None:
    rig = Rig(Quirks(duplicates="across_pages"))
    exported = await rig.run()
    assert (exported.is_whole, len(set(rig.ids)), len(rig.ids)) == (True, 150, 150)


@pytest.mark.parametrize(
    ("quirks", "is_whole", "malformed"),
    [
        (Quirks(count="drifting"), False, 0),
        (Quirks(page_size="oversized"), False, 0),
        (Quirks(malformed_contact="no_id"), True, 1),
    ],
)
async def test_the_result_says_whether_all_contacts_are_written(
    quirks: Quirks, *, is_whole: bool, malformed: int
) -> None:
    exported = await Rig(quirks).run()
    assert (exported.is_whole, exported.malformed) == (is_whole, malformed)


async def test_a_refused_cursor_ends_it_because_nothing_can_be_taken_back() -> None:
    rig = Rig(Quirks())
    sandbox = create_sandbox(contacts=make_contacts(600))

    async def forget(_: int, __: int | None) -> None:
        sandbox.forget_cursors()

    with anyio.fail_after(PATIENCE_S), pytest.raises(InvalidCursor, match="Run the command again"):
        async with opened_client(sandbox) as client:
            await export_stream(
                client, open_format("jsonl"), rig.write, report=forget, is_same_account=rig.is_same_account
            )


async def test_it_ends_before_it_writes_a_contact_of_another_user() -> None:
    rig = Rig(Quirks(), is_same=False)
    with pytest.raises(SignInError, match="another user signed in"):
        await rig.run()
    assert rig.written == b""
