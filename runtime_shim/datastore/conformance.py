"""What every datastore must pass.  A datastore's own test is a subclass::

    class TestMine(DatastoreConformance):
        @pytest.fixture
        def store(self):
            return MyDatastore(...)    # empty, and nobody else's

``state_machine`` adds a Hypothesis machine that compares long sequences of operations with a dictionary; it takes a
function that gives a fresh, empty store each time.

pytest and hypothesis are imported here alone, never by the shim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from penstock.runtime_shim.datastore.protocol import Datastore, Missing, StorageFailure

SIZES = (0, 1, 7, 4096, 1 << 20)
"""Bytes of the objects that are written and read back."""


class DatastoreConformance:
    """Tests for one datastore; override ``store``."""

    big = (64 << 20) + 12_345
    """Bytes of the biggest object: more than the store handles in one piece, where it has such a size."""
    many = 1050
    """Number of objects that one listing request does not give."""

    @pytest.fixture
    def store(self) -> Datastore:
        """An empty datastore."""
        raise NotImplementedError("a conformance test provides the store")

    @pytest.mark.parametrize("size", SIZES)
    def test_what_was_put_is_got(self, store: Datastore, size: int) -> None:
        data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        store.put("a/b/c", data)
        assert store.get("a/b/c") == data

    def test_a_big_object_is_got_whole(self, store: Datastore) -> None:
        data = b"0123456789abcdef" * (self.big // 16) + b"end"
        store.put("big", data, {"cas_raw": True})
        got = store.get("big")
        assert len(got) == len(data)
        assert got == data
        assert store.attributes("big") == {"cas_raw": True}
        assert not store.put_if_absent("big", b"small")
        assert list(store.keys("")) == ["big"]

    def test_a_view_can_be_put(self, store: Datastore) -> None:
        store.put("view", memoryview(b"..data..")[2:6])
        assert store.get("view") == b"data"

    def test_pieces_are_put_as_one(self, store: Datastore) -> None:
        store.put("pieces", [b"a", b"", b"bc" * 1000, b"d"])
        assert store.get("pieces") == b"a" + b"bc" * 1000 + b"d"
        third = b"0123456789abcdef" * (self.big // 48 + 1)
        store.put_blobs([("big", [b"start", third, third, third, b"end"], {"cas_raw": True})])
        assert store.get("big") == b"start" + third * 3 + b"end"

    def test_an_object_is_read_as_a_file(self, store: Datastore) -> None:
        store.put("file", b"first line\nsecond")
        with store.open("file") as file:
            assert (file.readline(), file.read(3), file.read()) == (b"first line\n", b"sec", b"ond")
            file.seek(0)
            assert file.read(5) == b"first"
        with pytest.raises(Missing) as caught:
            store.open("nowhere")
        assert caught.value.args[0] == "nowhere"

    def test_putting_again_overwrites(self, store: Datastore) -> None:
        store.put("key", b"a long first value")
        store.put("key", b"second")
        assert store.get("key") == b"second"

    def test_a_missing_object_is_named(self, store: Datastore) -> None:
        store.put("here/too", b"1")
        for key in ("nowhere", "here", "here/not", "here/too/deep"):
            with pytest.raises(Missing) as caught:
                store.get(key)
            assert caught.value.args[0] == key

    def test_attributes_come_back(self, store: Datastore) -> None:
        attributes = {"cas_raw": False, "cas_version": 1, "note": "ü ' \" \\ \n"}
        store.put("with", b"1", attributes)
        store.put("without", b"1")
        assert store.attributes("with") == attributes
        assert store.attributes("without") is None
        with pytest.raises(Missing):
            store.attributes("nowhere")

    def test_attributes_are_not_keys(self, store: Datastore) -> None:
        store.put("run/data/ab/abc", b"1", {"cas_raw": True})
        assert list(store.keys("")) == ["run/data/ab/abc"]
        assert store.children("run/data/ab/") == ["abc"]

    def test_of_two_puts_if_absent_the_first_wins(self, store: Datastore) -> None:
        assert store.put_if_absent("key", b"first", {"who": 1})
        assert not store.put_if_absent("key", b"second", {"who": 2})
        assert store.get("key") == b"first"
        assert store.attributes("key") == {"who": 1}

    def test_put_if_absent_gives_way_to_put(self, store: Datastore) -> None:
        store.put("key", b"put")
        assert not store.put_if_absent("key", b"late")
        assert store.get("key") == b"put"

    def test_of_many_writers_at_once_one_wins(self, store: Datastore) -> None:
        for turn in range(5):
            key = f"race/{turn}"
            with ThreadPoolExecutor(8) as pool:
                won = list(pool.map(lambda n, key=key: store.put_if_absent(key, b"%d" % n * 1000), range(8)))
            assert won.count(True) == 1, f"{won.count(True)} of 8 writers were told that they were first"
            assert store.get(key) == b"%d" % won.index(True) * 1000

    def test_readers_see_old_or_new_never_a_part(self, store: Datastore) -> None:
        values = [bytes([letter]) * 200_000 for letter in b"abcd"]
        store.put("key", values[0])

        def write(value: bytes) -> None:
            for _ in range(5):
                store.put("key", value)

        with ThreadPoolExecutor(6) as pool:
            writing = [pool.submit(write, value) for value in values]
            reading = [pool.submit(store.get, "key") for _ in range(40)]
            assert all(future.result() in values for future in reading)
            for future in writing:
                future.result()

    def test_keys_are_those_with_the_prefix_in_the_order_of_text(self, store: Datastore) -> None:
        keys = ["a", "a.b", "a/b", "a/b/c", "a/b0", "a/b/c.d/e", "ab", "b/c", "é", "a/" + "x" * 200]
        for key in (keys := [key for key in keys if key not in ("a", "a/b")]):
            store.put(key, b"1")
        for prefix in ("", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c.", "b", "nothing", "é"):
            assert list(store.keys(prefix)) == sorted(key for key in keys if key.startswith(prefix)), prefix

    def test_children_are_the_next_parts(self, store: Datastore) -> None:
        for key in ("f/1/start/t/0.DONE.lock", "f/1/start/t.2/x", "f/1/_record/start.json", "f/10/x", "f/1/z", "g/1"):
            store.put(key, b"1")
        assert store.children("f/1/") == ["_record", "start", "z"]
        assert store.children("f/1/start/") == ["t", "t.2"]
        assert store.children("f/") == ["1", "10"]
        assert store.children("nothing/") == []
        assert store.children_many(["f/1/start/", "nothing/", "f/"]) == [["t", "t.2"], [], ["1", "10"]]

    def test_children_of_many_folders_are_in_order(self, store: Datastore) -> None:
        numbers = [*range(30), 100, 1000]
        store.put_many((f"f/1/body/t.{n}/{name}", b"1", None) for n in numbers for name in (f"{n}.json", "sub/deep"))
        prefixes = [f"f/1/body/t.{n}/" for n in [*reversed(numbers), 5, 77]]
        expected = [[f"{n}.json", "sub"] for n in [*reversed(numbers), 5]] + [[]]
        assert store.children_many(prefixes) == [sorted(names) for names in expected]

    def test_many_objects_come_in_the_order_asked(self, store: Datastore) -> None:
        store.put_many((f"k/{n}", b"%d" % n * n, {"n": n} if n % 2 else None) for n in range(50))
        asked = [f"k/{n}" for n in [*range(49, -1, -1), 7, 7]]
        assert [(key, data) for key, data in store.get_many(asked)] == [
            (key, key[2:].encode() * int(key[2:])) for key in asked
        ]
        assert store.attributes("k/3") == {"n": 3}
        assert list(store.get_many([])) == []

    def test_the_missing_one_of_many_is_named(self, store: Datastore) -> None:
        store.put_many((f"k/{n}", b"1", None) for n in range(10))
        with pytest.raises(Missing) as caught:
            list(store.get_many(["k/1", "k/not", "k/2", "k/neither"]))
        assert caught.value.args[0] == "k/not"

    def test_blobs_are_there_after_being_put_twice(self, store: Datastore) -> None:
        for _ in range(2):
            store.put_blobs([("f/data/ab/abc", b"content", {"cas_raw": True}), ("f/data/cd/cde", b"other", None)])
        assert store.get("f/data/ab/abc") == b"content"
        assert store.attributes("f/data/ab/abc") == {"cas_raw": True}

    def test_more_keys_than_a_page(self, store: Datastore) -> None:
        store.put_many((f"page/{n:04}/x", b"", None) for n in range(self.many))
        assert sum(1 for _ in store.keys("page/")) == self.many
        assert len(store.children("page/")) == self.many

    @pytest.mark.parametrize("name", ["a b", "a+b=c@d", "ünï", "%2F%", "x" * 200, "a&b?c#d", "~"])
    def test_awkward_names(self, store: Datastore, name: str) -> None:
        store.put(f"awkward/{name}", name.encode())
        assert list(store.keys("awkward/")) == [f"awkward/{name}"]
        assert store.children("awkward/") == [name]
        assert store.get(f"awkward/{name}") == name.encode()

    def test_the_location_names_root_and_key(self, store: Datastore) -> None:
        assert store.location("a/b").startswith(store.root)
        assert store.location("a/b").endswith("a/b")

    def test_a_key_too_long_for_the_store_is_a_failure(self, store: Datastore) -> None:
        with pytest.raises(StorageFailure):
            store.put("k" * 5000, b"1")


_PART = st.sampled_from(["a", "b", "a.b", "t.10", "t.2", "_from"])
# A name is a folder or an object, never both: S3 would have it, a file system would not.
_KEYS = st.builds(lambda folders, leaf: "/".join([*folders, f"{leaf}.json"]), st.lists(_PART, max_size=3), _PART)
_VALUES = st.binary(max_size=200)
_FACTS = st.none() | st.dictionaries(st.sampled_from(["cas_raw", "cas_version"]), st.integers(0, 2), min_size=1)


class StoreMachine(RuleBasedStateMachine):
    """Holds a store against a dictionary; :func:`state_machine` gives it the store."""

    fresh: Callable[[], Datastore]

    def __init__(self) -> None:
        super().__init__()
        self.store = self.fresh()
        self.model: dict[str, bytes] = {}

    @rule(key=_KEYS, data=_VALUES, attributes=_FACTS)
    def put(self, key: str, data: bytes, attributes: dict[str, int] | None) -> None:
        self.store.put(key, data, attributes)
        self.model[key] = data

    @rule(key=_KEYS, data=_VALUES)
    def put_if_absent(self, key: str, data: bytes) -> None:
        assert self.store.put_if_absent(key, data) == (key not in self.model)
        self.model.setdefault(key, data)

    @rule(objects=st.lists(st.tuples(_KEYS, _VALUES), max_size=5, unique_by=lambda pair: pair[0]))
    def put_many(self, objects: list[tuple[str, bytes]]) -> None:
        self.store.put_many((key, data, None) for key, data in objects)
        self.model.update(objects)

    @rule(key=_KEYS)
    def get(self, key: str) -> None:
        if key in self.model:
            assert self.store.get(key) == self.model[key]
        else:
            with pytest.raises(Missing):
                self.store.get(key)

    @rule(prefix=_KEYS.map(lambda key: key[: len(key) // 2]))
    def list_keys(self, prefix: str) -> None:
        assert list(self.store.keys(prefix)) == sorted(key for key in self.model if key.startswith(prefix))

    @rule(folders=st.lists(_PART, min_size=1, max_size=3))
    def list_children(self, folders: list[str]) -> None:
        prefix = "/".join(folders) + "/"
        expected = {key[len(prefix) :].partition("/")[0] for key in self.model if key.startswith(prefix)}
        assert self.store.children(prefix) == sorted(expected)

    @invariant()
    def everything_is_there(self) -> None:
        assert dict(self._all()) == self.model

    def _all(self) -> Iterator[tuple[str, bytes]]:
        return self.store.get_many(list(self.store.keys("")))


def state_machine(fresh: Callable[[], Datastore]) -> type[StoreMachine]:
    """A Hypothesis state machine that does long sequences of operations on a store from ``fresh``, empty each time.

    Run it with ``hypothesis.stateful.run_state_machine_as_test``.
    """
    return type("StoreMachine", (StoreMachine,), {"fresh": staticmethod(fresh)})
