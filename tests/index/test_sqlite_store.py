import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from contact_store_contract import ContactStoreContract, ids, people

from telecmi_mcp._index.postings import Backend
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact
from telecmi_mcp._search import search
from telecmi_mcp._search.fields.index_entries import entries
from telecmi_mcp.errors import IndexUnusable


@pytest.fixture(params=["memory", "disk"])
def index(request: pytest.FixtureRequest, tmp_path: Path, backend: Backend) -> Iterator[Index]:
    index = Index(tmp_path / "index.db" if request.param == "disk" else None, backend=backend)
    yield index
    index.close()


class TestSqliteStore(ContactStoreContract):
    """In memory and on disk, with either kind of postings."""


def test_a_page_that_fails_leaves_nothing_behind(index: Index) -> None:
    with pytest.raises(IndexUnusable):
        index.upsert(people(1), generation=1, state={"cursor": object()})  # type: ignore[dict-item]  # the fault under test
    assert index.count() == 0
    assert index.state() == {}


def test_both_back_ends_give_the_same_candidates(address_book: list[Contact]) -> None:
    found = []
    for backend in ("fts5", "plain"):
        index = Index(backend=backend)
        index.upsert(address_book[:500], generation=1, state={})
        found.append([ids(index, contact.first_name or "") for contact in address_book[:100]])
    assert found[0] == found[1]


def test_a_file_is_private_and_survives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    index = Index(path)
    index.upsert(people(1), generation=1, state={"cursor": "abc"})
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    index.close()
    again = Index(path)
    assert ids(again, "name1") == ["c1"]
    assert again.state() == {"cursor": "abc"}
    again.close()


def test_a_reader_sees_what_another_connection_wrote_and_cannot_write(tmp_path: Path) -> None:
    writer = Index(tmp_path / "index.db")
    reader = Index(tmp_path / "index.db", read_only=True)
    writer.upsert(people(1), generation=1, state={})
    assert ids(reader, "name1") == ["c1"]
    with pytest.raises(IndexUnusable) as refused:
        reader.upsert(people(2), generation=1, state={})
    assert not refused.value.malformed
    reader.close()
    writer.close()


def test_a_view_stays_the_same_while_pages_are_written(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    index.upsert(people(1), generation=1, state={})
    with index.reading() as view:
        assert len(view.contacts(["c1", "c2"])) == 1
        index.upsert(people(2), generation=1, state={})
        assert len(view.contacts(["c1", "c2"])) == 1
    assert index.count() == 2
    index.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all, not even nearly" * 40, b"SQLite format 3\x00" + b"\xff" * 9000]
)
def test_a_malformed_file_is_refused_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "index.db"
    path.write_bytes(content)
    with pytest.raises(IndexUnusable) as refused:
        Index(path)
    assert refused.value.malformed


def test_a_file_damaged_in_the_middle_is_refused_when_it_is_read(tmp_path: Path, address_book: list[Contact]) -> None:
    path = tmp_path / "index.db"
    index = Index(path)
    index.upsert(address_book[:500], generation=1, state={})
    index.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(IndexUnusable) as refused:
        search(Index(path), "ravi", limit=5)
    assert refused.value.malformed


def test_an_index_of_another_normaliser_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    Index(path).close()
    with sqlite3.connect(path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.close()
    with pytest.raises(IndexUnusable) as refused:
        Index(path)
    assert refused.value.malformed


def test_an_index_of_the_other_back_end_is_refused_only_if_one_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    Index(path, backend="plain").close()
    Index(path).close()
    with pytest.raises(IndexUnusable):
        Index(path, backend="fts5")


def test_a_path_that_cannot_be_written_is_not_called_malformed(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable) as refused:
        Index(tmp_path / "nowhere" / "index.db")
    assert not refused.value.malformed
    with pytest.raises(IndexUnusable):
        Index(tmp_path / "absent.db", read_only=True)


def secrets_of(contact: Contact) -> set[bytes]:
    """Return the texts that must not be left of a contact that shares none with another."""
    given = [
        contact.first_name,
        contact.last_name,
        contact.company,
        contact.phone_no,
        contact.email_id,
        contact.contact_id,
    ]
    with Index() as alone:
        alone.upsert([contact], generation=1, state={})
        with alone.reading() as view:
            (row,) = view.contacts([contact.contact_id])
    derived = [text for text, _ in entries(row) if len(text) > 4]
    reversed_digits = (contact.phone_no or "")[::-1]
    return {text.encode() for text in [*given, *derived, reversed_digits] if text}


def test_no_byte_of_a_deleted_contact_is_left_in_the_files(
    tmp_path: Path, backend: Backend, address_book: list[Contact]
) -> None:
    gone = [
        Contact(
            contact_id=f"gone-{n:04}",
            first_name=f"Qzvorfirst{n:04}",
            last_name=f"Xwulást{n:04}",
            company=f"Jjkompany{n:04} Vvholdings{n:04}",
            phone_no=f"91{7_000_000_000 + n * 104_729}",
            email_id=f"zzq{n:04}@kkhost{n:04}.example",
        )
        for n in range(100)
    ]
    index = Index(tmp_path / "index.db", backend=backend)
    kept = address_book[:300]
    for start in range(0, 100, 5):
        index.upsert([*kept[start * 3 : start * 3 + 15], *gone[start : start + 5]], generation=1, state={})
    index.delete([contact.contact_id for contact in gone[:25]])
    index.upsert(
        [
            contact._replace(**dict.fromkeys(("first_name", "last_name", "company"), "Renamed"))
            for contact in gone[25:50]
        ],
        generation=1,
        state={},
    )
    for start in range(0, 300, 100):
        index.upsert(kept[start : start + 100], generation=2, state={})
    assert index.sweep(2) == 75
    assert index.compact()
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert files
    left = {
        (name, secret) for contact in gone for secret in secrets_of(contact) for name in files if secret in files[name]
    }
    assert left == set()
    assert kept[0].contact_id.encode() in files["index.db"]
    index.close()


def test_compact_returns_false_while_a_reader_keeps_the_log(tmp_path: Path) -> None:
    writer, reader = Index(tmp_path / "index.db"), Index(tmp_path / "index.db", read_only=True)
    writer.upsert(people(1), generation=1, state={})
    with reader.reading() as view:
        view.contacts(["c1"])
        assert not writer.compact()
    assert writer.compact()
    reader.close()
    writer.close()
