"""An export over the sandbox: every form of the list, faults, resumption, and the path of the file."""

from __future__ import annotations

import errno
import json
import stat
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from conftest import SIGNED_IN, opened_client
from telecmi_mcp import errors
from telecmi_mcp._export import Exported, PartialFile, export, open_format, open_vcard_3
from telecmi_mcp._private_files import file_lock
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks, Sandbox, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from telecmi_mcp import TelecmiClient
    from telecmi_mcp._models import ContactPage

QUIET = Quirks()
DAY = 86_400.0


class Rig:
    """Exports of one sandbox, each as a new process would make it."""

    def __init__(self, sandbox: Sandbox, client: TelecmiClient, folder: Path) -> None:
        self.sandbox = sandbox
        self.client = client
        self.path = folder / "contacts.jsonl"
        self.incomplete = folder / "contacts.incomplete.jsonl"
        self.part = folder / ".contacts.jsonl.part"
        self.now = 1_000.0
        self.slept: list[float] = []
        self.reported: list[tuple[int, int | None]] = []
        self.user = "her"

    async def run(self, *, owner: str = "her", form: str = "jsonl", partial: PartialFile | None = None) -> Exported:
        """Make an export, to its end."""
        with anyio.fail_after(30):
            return await export(
                self.client,
                partial or PartialFile(self.path, open_format(form), owner),
                incomplete=self.incomplete,
                report=self.report,
                is_same_account=self.is_same_account,
                clock=lambda: self.now,
                sleep=self.sleep,
            )

    async def stop(self, **options: Any) -> None:
        """Make an export that is given up after two pages."""
        after = self.sandbox.state.request_count + 2
        self.sandbox.quirks = Quirks(rate_limit="http", rate_limit_after=after)
        with pytest.raises(errors.RateLimited):
            await self.run(**options)
        self.sandbox.quirks = QUIET
        self.sandbox.state.requests.clear()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    async def report(self, read: int, count: int | None) -> None:
        self.reported.append((read, count))

    async def is_same_account(self) -> bool:
        return self.user == "her"

    @property
    def cursors(self) -> list[Any]:
        """The cursors that were asked for, in order; None for a first page."""
        bodies: list[Any] = [request.body for request in self.sandbox.state.requests]
        return [body.get("page_state") for body in bodies]

    @property
    def files(self) -> list[Path]:
        return list(self.path.parent.iterdir())

    def ids(self, path: Path | None = None) -> list[str]:
        return [json.loads(line)["contact_id"] for line in (path or self.path).read_text("utf8").splitlines()]


@asynccontextmanager
async def rigged(folder: Path, quirks: Quirks = QUIET, *, count: int = 350) -> AsyncIterator[Rig]:
    sandbox = create_sandbox(quirks, contacts=make_contacts(count))
    async with opened_client(sandbox) as client:
        yield Rig(sandbox, client, folder)


IDS = [contact["contact_id"] for contact in make_contacts(350)]
FILE_FORMATS: dict[str, list[Any]] = {
    "last_page": ["absent", "then_empty_page"],
    "page_size": ["short", "empty_between"],
    "count": ["missing"],
    "cursor_form": ["long"],
    "duplicates": ["across_pages"],
    "first_name": ["lone_surrogate"],
}


@pytest.mark.parametrize(
    ("switch", "form"), [(switch, form) for switch, forms in FILE_FORMATS.items() for form in forms]
)
async def test_every_contact_is_in_the_file_once_and_in_order_in_every_form_of_the_list(
    tmp_path: Path, switch: str, form: Any
) -> None:
    async with rigged(tmp_path, Quirks(**{switch: form})) as rig:
        exported = await rig.run()
        assert rig.ids() == IDS
        assert exported == Exported(
            path=rig.path,
            contacts=350,
            count=None if form == "missing" else 350,
            malformed=0,
            surplus=0,
            is_broken=False,
            is_whole=True,
            resumed=0,
            restarted="",
        )


async def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.run()
        assert rig.files == [rig.path]
        assert rig.reported == [(100, 350), (200, 350), (300, 350), (350, 350)]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_only_the_owner_reads_the_file_and_what_is_beside_it(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        assert stat.S_IMODE(rig.part.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in rig.part.iterdir()} == {0o600}
        await rig.run()
        assert stat.S_IMODE(rig.path.stat().st_mode) == 0o600


async def test_an_organisation_without_contacts_is_a_file_without_contacts(tmp_path: Path) -> None:
    async with rigged(tmp_path, count=0) as rig:
        exported = await rig.run(form="csv")
        assert (exported.contacts, exported.is_whole) == (0, True)
        assert rig.path.read_bytes() == open_format("csv").head


@pytest.mark.parametrize("form", ["no_id", "text"])
async def test_entries_that_are_no_contacts_are_left_out_and_counted(tmp_path: Path, form: Any) -> None:
    async with rigged(tmp_path, Quirks(malformed_contact=form)) as rig:
        exported = await rig.run()
        assert (exported.contacts, exported.malformed, exported.is_whole) == (349, 1, True)


@pytest.mark.parametrize(
    ("quirks", "arrived", "is_broken"),
    [
        (Quirks(count="drifting"), 350, False),
        (Quirks(repeating_cursor="same"), 200, True),
        (Quirks(repeating_cursor="cycle"), 300, True),
        (Quirks(page_size="oversized", count="missing"), 200, False),
    ],
)
async def test_a_file_that_disagrees_with_the_count_is_named_incomplete(
    tmp_path: Path, quirks: Quirks, arrived: int, is_broken: Any
) -> None:
    async with rigged(tmp_path, quirks) as rig:
        exported = await rig.run()
        assert (exported.is_whole, exported.is_broken, exported.contacts) == (False, is_broken, arrived)
        assert rig.files == [rig.incomplete]
        assert len(rig.ids(rig.incomplete)) == arrived


@pytest.mark.parametrize("form", ["csv", "jsonl", "vcf"])
async def test_the_next_run_resumes_and_its_file_equals_an_uninterrupted_one(tmp_path: Path, form: str) -> None:
    async with rigged(tmp_path) as rig:
        await rig.run(form=form)
        whole = rig.path.read_bytes()
        rig.path.unlink()
        await rig.stop(form=form)
        assert not rig.path.exists()
        rig.reported.clear()
        exported = await rig.run(form=form)
        assert (exported.resumed, exported.is_whole, exported.restarted) == (200, True, "")
        assert rig.path.read_bytes() == whole
        assert len(rig.cursors) == 2
        assert None not in rig.cursors
        assert rig.reported == [(200, 350), (300, 350), (350, 350)]


async def test_contacts_of_the_previous_run_are_not_written_twice(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        rig.sandbox.quirks = Quirks(duplicates="across_pages")
        assert (await rig.run()).is_whole
        assert rig.ids() == IDS


@pytest.mark.parametrize("name", ["contacts", "seen"])
async def test_bytes_beyond_the_saved_progress_of_a_killed_run_are_cut_off(tmp_path: Path, name: str) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        with (rig.part / name).open("ab") as file:
            file.write(b"half a page of cont")
        assert (await rig.run()).resumed == 200
        assert rig.ids() == IDS


class Killed(BaseException):
    """The end of a process, as far as a test in the same one can have it."""


@pytest.mark.parametrize(
    "writes", [4, 5, 6, *(pytest.param(each, marks=pytest.mark.slow) for each in (2, 3, *range(7, 16)))]
)
async def test_a_run_that_ends_between_any_two_writes_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    left = writes

    def fsync(_: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    monkeypatch.setattr("telecmi_mcp._export.partial_file._PAGES_PER_SAVE", 1)
    async with rigged(tmp_path) as rig:
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", fsync)
            with pytest.raises(Killed):
                await rig.run()
        assert not rig.path.exists()
        await rig.run()
        assert rig.ids() == IDS
        assert rig.files == [rig.path]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"owner": "him"}, "what was there is another account's or another version's"),
        ({"form": "csv"}, "what was there is another account's or another version's"),
    ],
)
async def test_a_partial_file_of_another_account_or_format_is_never_used(
    tmp_path: Path, options: dict[str, Any], why: str
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        exported = await rig.run(**options)
        assert (exported.resumed, exported.restarted) == (0, why)
        assert exported.is_whole
        assert rig.cursors[0] is None


async def test_a_partial_file_older_than_a_day_is_started_again(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        rig.now += DAY
        exported = await rig.run()
        assert (exported.resumed, exported.restarted) == (0, "what was there is older than a day")
        assert rig.ids() == IDS


async def test_a_run_that_read_nothing_is_not_reported(tmp_path: Path) -> None:
    async with rigged(tmp_path, Quirks(rate_limit="http")) as rig:
        with pytest.raises(errors.RateLimited):
            await rig.run()
        rig.sandbox.quirks = QUIET
        assert (await rig.run()).restarted == ""


@pytest.mark.parametrize("content", [b"\xff", b"[]", b'{"label":{"x":1},"progress":{}}'])
async def test_an_export_with_an_unreadable_state_is_started_again(tmp_path: Path, content: bytes) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        (rig.part / "state").write_bytes(content)
        assert (await rig.run()).restarted == "what was there could not be read"
        assert rig.ids() == IDS


@pytest.mark.parametrize("name", ["contacts", "seen"])
@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_file_shorter_than_its_saved_size_is_started_again(tmp_path: Path, name: str, is_gone: Any) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        (rig.part / name).unlink() if is_gone else (rig.part / name).write_bytes(b"")
        assert (await rig.run()).restarted == "what was there had been changed"
        assert rig.ids() == IDS


@pytest.mark.parametrize("form", ["code_400", "code_500"])
async def test_a_refused_cursor_starts_the_export_again_and_is_reported(tmp_path: Path, form: Any) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        rig.sandbox.quirks = Quirks(stale_cursor=form)
        rig.sandbox.forget_cursors()
        exported = await rig.run()
        assert (exported.resumed, exported.restarted) == (0, "TeleCMI no longer took the cursor")
        assert exported.is_whole
        assert rig.ids() == IDS


async def test_an_export_waits_for_the_end_of_a_fault(tmp_path: Path) -> None:
    quirks = Quirks(rate_limit="http", rate_limit_after=2, rate_limit_refusals=3, retry_after="7")
    async with rigged(tmp_path, quirks) as rig:
        assert (await rig.run()).is_whole
        assert rig.slept == [7, 7, 7]


async def test_a_refused_token_ends_an_export_at_once_and_keeps_the_contacts(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        rig.sandbox.revoke(SANDBOX_TOKEN)
        with pytest.raises(errors.TokenRejected):
            await rig.run()
        assert (rig.part / "state").exists()
        assert not rig.path.exists()


async def test_no_contact_of_another_user_who_signs_in_is_written(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        rig.user = "him"
        with pytest.raises(errors.SignInError, match="another user signed in"):
            await rig.run()
        rig.user = "her"
        assert (await rig.run()).resumed == 200


async def test_a_second_export_of_the_same_file_is_refused(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop()
        async with file_lock(rig.part / "lock", timeout_s=0):
            with pytest.raises(errors.FileUnusable, match="another export is writing this file"):
                await rig.run()
        assert (await rig.run()).resumed == 200


async def test_no_file_of_an_export_holds_the_token(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop(owner=f"http://localhost\n{SANDBOX_TOKEN}")
        held = b"".join(file.read_bytes() for file in rig.part.iterdir())
        assert SANDBOX_TOKEN.encode() not in held
        assert SIGNED_IN.token is not None


@pytest.mark.parametrize(
    ("number", "fact"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "its folder is not writable"),
        (errno.EIO, "it cannot be"),
    ],
)
async def test_a_file_system_error_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, fact: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, "hunter2")

    async with rigged(tmp_path) as rig:
        await rig.stop()
        monkeypatch.setattr("os.fsync", refuse)
        with pytest.raises(errors.FileUnusable, match=fact) as caught:
            await rig.run()
        assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX links")
async def test_a_folder_that_is_a_link_is_not_written_into(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        rig.part.symlink_to(elsewhere)
        with pytest.raises(errors.FileUnusable):
            await rig.run()
        assert list(elsewhere.iterdir()) == []


async def test_a_page_is_on_the_disk_before_its_cursor_is(tmp_path: Path) -> None:
    recording: list[tuple[int, int]] = []

    class Watched(PartialFile):
        def append(self, page: ContactPage) -> None:
            super().append(page)
            state = json.loads((self.folder / "state").read_bytes())["progress"]
            recording.append((state["size"], (self.folder / "contacts").stat().st_size))

    async with rigged(tmp_path) as rig:
        await rig.run(partial=Watched(rig.path, open_format("jsonl"), "her"))
    assert len(recording) == 4
    assert all(size == real for size, real in recording)


async def test_cards_of_one_version_are_not_continued_in_another(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.stop(form="vcf")
        exported = await rig.run(partial=PartialFile(rig.path, open_vcard_3(), "her"))
        assert exported.restarted == "what was there is another account's or another version's"
        content = rig.path.read_bytes()
    assert (content.count(b"VERSION:3.0"), content.count(b"VERSION:4.0")) == (len(IDS), 0)
