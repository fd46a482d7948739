import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from telecmi_mcp._index.postings import Backend
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact
from telecmi_mcp._search import ContactStore, search
from telecmi_mcp._search.caches import REMEMBERED
from telecmi_mcp._search.document import NORMALISER, entries
from telecmi_mcp._search.store import Written
from telecmi_mcp.errors import IndexUnusable


def person(number: int, *, name: str = "", company: str = "") -> Contact:
    return Contact(contact_id=f"c{number}", first_name=name or f"Name{number}", company=company or None)


def people(*numbers: int) -> list[Contact]:
    return [person(number) for number in numbers]


def ids(store: ContactStore, query: str) -> list[str]:
    return [hit.contact.contact_id for hit in search(store, query, limit=10).hits if hit.match == "exact"]


@pytest.fixture(params=["memory", "disk"])
def index(request: pytest.FixtureRequest, tmp_path: Path, backend: Backend) -> Iterator[Index]:
    index = Index(tmp_path / "index.db" if request.param == "disk" else None, backend=backend)
    yield index
    index.close()


def test_a_page_is_found_once_it_is_written(index: Index) -> None:
    assert index.upsert(people(1, 2), generation=1, state={}) == Written(changed=2, unchanged=0)
    assert ids(index, "name2") == ["c2"]
    assert index.count() == 2


def test_an_unchanged_contact_is_only_marked_as_seen(index: Index) -> None:
    index.upsert(people(1, 2), generation=1, state={})
    assert index.upsert([person(1), person(2, name="Other")], generation=2, state={}) == Written(changed=1, unchanged=1)
    assert index.sweep(2) == 0


def test_a_changed_contact_is_found_by_what_it_is_now(index: Index) -> None:
    index.upsert([person(1, name="Asha", company="Acme")], generation=1, state={})
    index.upsert([person(1, name="Asha", company="Globex")], generation=1, state={})
    assert ids(index, "globex") == ["c1"]
    assert ids(index, "acme") == []
    assert index.count() == 1


def test_the_last_of_one_id_in_a_page_counts(index: Index) -> None:
    index.upsert([person(1, name="Asha"), person(1, name="Usha")], generation=1, state={})
    assert (ids(index, "asha"), ids(index, "usha")) == ([], ["c1"])


def test_a_sweep_removes_what_the_pass_did_not_see(index: Index) -> None:
    index.upsert(people(1, 2, 3), generation=1, state={})
    index.upsert(people(2), generation=2, state={})
    assert (index.count(), index.count(1), index.count(2)) == (3, 2, 1)
    assert index.sweep(2, state={"complete": "yes"}) == 2
    assert (ids(index, "name1"), ids(index, "name2")) == ([], ["c2"])
    assert index.state() == {"complete": "yes"}


def test_contacts_are_deleted_by_id(index: Index) -> None:
    index.upsert(people(1, 2), generation=1, state={})
    assert index.delete(["c1", "unknown"]) == 1
    assert ids(index, "name1") == []


def test_a_word_that_nobody_has_any_more_leaves_the_vocabulary(index: Index) -> None:
    index.upsert([person(1, name="Asha"), person(2, name="Asha"), person(3, name="Usha")], generation=1, state={})
    index.delete(["c1", "c3"])
    with index.reading() as view:
        assert [term.text for term in view.terms(["asha", "usha"])] == ["asha"]


def test_the_search_forgets_the_words_of_a_contact_that_goes(index: Index) -> None:
    index.upsert([person(1, name="Asha"), person(2, name="Usha")], generation=1, state={})
    ids(index, "ahsa")
    assert any(remembered.cache_info().currsize for remembered in REMEMBERED)
    index.delete(["c1"])
    assert not any(remembered.cache_info().currsize for remembered in REMEMBERED)


def test_state_is_saved_with_its_page(index: Index) -> None:
    index.upsert(people(1), generation=1, state={"cursor": "abc", "count": "9"})
    index.remember({"cursor": "def"})
    assert index.state() == {"cursor": "def", "count": "9"}


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


def test_a_prefix_is_answered_with_its_most_used_words(index: Index) -> None:
    names = ["anna", "anil", "anil", "anu", "bela"]
    index.upsert([person(n, name=name) for n, name in enumerate(names)], generation=1, state={})
    with index.reading() as view:
        assert [[term.text for term in terms] for terms in view.starting(["an"], limit=1)] == [["anil"]]


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


def test_one_moment_stays_the_same_while_pages_are_written(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    index.upsert(people(1), generation=1, state={})
    with index.reading() as view:
        assert len(view.contacts(["c1", "c2"])) == 1
        index.upsert(people(2), generation=1, state={})
        assert len(view.contacts(["c1", "c2"])) == 1
    assert index.count() == 2
    index.close()


def test_searching_while_pages_are_written_is_right(index: Index, address_book: list[Contact]) -> None:
    index.upsert([person(0, name="Zebulon", company="Quux")], generation=1, state={})
    faults: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                found = ids(index, "Zebulon Quux")
            except Exception as error:  # noqa: BLE001 - a thread's error has to reach the test
                found = [repr(error)]
            if found != ["c0"]:
                faults.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for start in range(0, 1500, 100):
        index.upsert(address_book[start : start + 100], generation=2, state={})
    index.upsert([person(0, name="Zebulon", company="Quux")], generation=2, state={})
    done.set()
    for reader in readers:
        reader.join(timeout=30)
    assert faults == []
    assert index.sweep(2) == 0


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
        assert version % 1000 == NORMALISER
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


def test_a_place_that_cannot_be_written_is_not_called_malformed(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable) as refused:
        Index(tmp_path / "nowhere" / "index.db")
    assert not refused.value.malformed
    with pytest.raises(IndexUnusable):
        Index(tmp_path / "absent.db", read_only=True)


def secrets_of(contact: Contact) -> set[bytes]:
    """Give what must not be left of a contact that nobody else shares anything with."""
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


def test_a_scrub_says_when_a_reader_kept_it_from_emptying_the_log(tmp_path: Path) -> None:
    writer, reader = Index(tmp_path / "index.db"), Index(tmp_path / "index.db", read_only=True)
    writer.upsert(people(1), generation=1, state={})
    with reader.reading() as view:
        view.contacts(["c1"])
        assert not writer.compact()
    assert writer.compact()
    reader.close()
    writer.close()
