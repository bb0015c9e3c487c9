"""An S3 bucket, or a prefix of one, as a datastore."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from penstock.runtime_shim.aws.service import AwsError
from penstock.runtime_shim.datastore.parallel import WORKERS, all_done, ordered
from penstock.runtime_shim.datastore.protocol import Attributes, Data, Put, StorageFailure, pieces_of, size_of
from penstock.runtime_shim.datastore.s3_client import Page, S3Access, S3Client, open_client
from penstock.runtime_shim.datastore.s3_faults import error_code, told
from penstock.runtime_shim.datastore.s3_transfer import MULTIPART, read_object, upload_parts
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration

ATTRIBUTES = "metaflow-user-attributes"
"""Name of the object metadata that holds attributes as JSON, Metaflow's."""
WRITER = "penstock-writer"
"""Name of the object metadata that tells who made an object of which there may be one only."""
PAGE = 1000
"""Keys per listing request, the most S3 gives."""
_LISTING_FACTOR = 16
"""How many keys per folder it may take to read several folders by one listing of what they have in common."""
_LONGEST = 1024
"""Bytes of a key."""
_CONFLICTS = 5
"""How often a conditional write is tried that met another one."""
_ROOT = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,62})(/[^'{}\\\x00-\x1f\x7f]*)?\Z")


def open_s3(root: str | None, configuration: Configuration) -> S3Datastore:
    """The store at ``root``, or at METAFLOW_DATASTORE_SYSROOT_S3; asks nothing of a server.

    Raises DatastoreUnusable where there is no root or it cannot be one.
    """
    from penstock.runtime_shim.datastore.opening import DatastoreUnusable

    chosen = root or configuration.get("METAFLOW_DATASTORE_SYSROOT_S3")
    if not chosen:
        raise DatastoreUnusable(
            "the S3 datastore has no root",
            help="set METAFLOW_DATASTORE_SYSROOT_S3, or give --datastore-root s3://bucket/prefix",
            code="P523",
        )
    if not _ROOT.match(chosen):
        raise DatastoreUnusable(
            f"{chosen!r} cannot be the root of the S3 datastore",
            help="it is of the form s3://bucket/prefix, without quotes, braces and backslashes",
            code="P524",
        )
    access = S3Access(
        endpoint_url=configuration.get("METAFLOW_S3_ENDPOINT_URL"),
        region=configuration.get("METAFLOW_AWS_S3_REGION"),
        role_arn=configuration.get("METAFLOW_AWS_ARN"),
    )
    return S3Datastore(chosen, access)


class S3Datastore:
    """Objects below ``s3://bucket/prefix``.

    The client is made at the first request, and anew in a forked child: two processes must not share a connection.
    """

    kind = "s3"

    def __init__(self, root: str, access: S3Access | None = None) -> None:
        match = _ROOT.match(root)
        if match is None:
            raise ValueError(f"not of the form s3://bucket/prefix: {root!r}")
        self.root = root.rstrip("/")
        self.bucket = match.group(1)
        self._prefix = f"{match.group(2).strip('/')}/" if (match.group(2) or "").strip("/") else ""
        self._access = access or S3Access()
        self._client: S3Client | None = None
        self._client_process = 0

    @property
    def client(self) -> S3Client:
        """The client of this process."""
        if self._client is None or self._client_process != os.getpid():
            known = self._client.credentials.known if self._client else None
            self._client = open_client(self.bucket, self._access, 2 * WORKERS, known)
            self._client_process = os.getpid()
        return self._client

    def prepare(self) -> None:
        """Load what requests need and fetch the credentials, for this process and those forked from it.

        Raises StorageFailure.
        """
        with told("use", self.root):
            self.client.credentials.keys()

    def location(self, key: str) -> str:
        """The URL of ``key``."""
        return f"{self.root}/{key}"

    def get(self, key: str) -> bytes:
        """The whole object; a big one is fetched in parts side by side."""
        with told("read", self.root, key):
            return read_object(self.client, self._name(key))

    def open(self, key: str) -> BinaryIO:
        """The whole object, fetched as by :meth:`get`."""
        return io.BytesIO(self.get(key))

    def attributes(self, key: str) -> Attributes | None:
        """The object's metadata, by a request of its own."""
        with told("read", self.root, key):
            text = self.client.metadata(self._name(key)).get(ATTRIBUTES)
        if text is None:
            return None
        found: Attributes = json.loads(text)
        return found

    def put(self, key: str, data: Data, attributes: Attributes | None = None) -> None:
        """Store, overwriting; a big object is sent in parts side by side."""
        with told("store", self.root, key):
            self._send(key, data, attributes)

    def put_if_absent(self, key: str, data: Data, attributes: Attributes | None = None) -> bool:
        """Store unless there is an object already: one request, which S3 decides (``If-None-Match: *``).

        A server that does not know the condition and says so is asked for the object first; two writers at the same
        moment may then both get True.
        """
        writer = os.urandom(8).hex()
        with told("store", self.root, key):
            for conflict in range(_CONFLICTS):
                try:
                    self._send(key, data, attributes, writer, if_absent=True)
                except AwsError as error:
                    code = error_code(error)
                    if error.status == 412:
                        return False
                    # Another conditional write of the same key was under way: ask again how it ended.
                    if code == "ConditionalRequestConflict" and conflict + 1 < _CONFLICTS:
                        continue
                    if code not in ("NotImplemented", "InvalidArgument", "UnsupportedOperation"):
                        raise
                    return self._put_if_not_seen(key, data, attributes)
                return True
        raise AssertionError("the last turn returns or raises")

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with ``prefix``, in S3's order, which is that of the text."""
        for page in self._pages(prefix, ""):
            for name in page.keys:
                key = name[len(self._prefix) :]
                # Consoles mark folders by empty objects whose key ends in a slash.
                if key and not key.endswith("/"):
                    yield key

    def children(self, prefix: str) -> list[str]:
        """The distinct next parts of the keys below ``prefix``."""
        at = len(self._prefix) + len(prefix)
        found: set[str] = set()
        for page in self._pages(prefix, "/"):
            found.update(name[at:] for name in page.keys)
            found.update(name[at:-1] for name in page.prefixes)
        return sorted(found - {""})

    def children_many(self, prefixes: Sequence[str]) -> list[list[str]]:
        """:meth:`children` of each prefix: by one listing of what they have in common where that is not much more, else
        by one each, side by side.
        """
        together = self._children_together(prefixes) if len(prefixes) > WORKERS else {}
        rest = [prefix for prefix in dict.fromkeys(prefixes) if prefix not in together]
        together.update(zip(rest, ordered(self.children, rest, len), strict=True))
        return [together[prefix] for prefix in prefixes]

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Several objects, side by side."""
        yield from ordered(lambda key: (key, self.get(key)), keys, lambda found: len(found[1]))

    def put_many(self, objects: Iterable[Put]) -> None:
        """Store several, side by side."""
        all_done(lambda item: self.put(*item), objects, lambda item: size_of(item[1]))

    def put_blobs(self, objects: Iterable[Put]) -> None:
        """As :meth:`put_many`: to ask whether an object is there costs as much as to send most of them."""
        self.put_many(objects)

    def _name(self, key: str) -> str:
        name = self._prefix + key
        if len(name.encode()) > _LONGEST:
            raise StorageFailure(
                f"a key of {len(name.encode())} bytes is too long for {self.root}: S3 takes {_LONGEST}",
                help="use shorter names, or a shorter prefix in the datastore's root",
                exit_code=EXIT_DO_NOT_RETRY,
            )
        return name

    def _send(
        self, key: str, data: Data, attributes: Attributes | None, writer: str = "", *, if_absent: bool = False
    ) -> None:
        """Store.  Raises AwsError 412 where ``if_absent`` and somebody else than ``writer`` has stored an object."""
        name = self._name(key)
        metadata = {} if attributes is None else {ATTRIBUTES: json.dumps(dict(attributes))}
        pieces = pieces_of(data)
        big = size_of(data) > MULTIPART
        if if_absent or big:
            writer = metadata[WRITER] = writer or os.urandom(8).hex()
        try:
            if big:
                upload_parts(self.client, name, pieces, metadata, if_absent=if_absent)
            else:
                self.client.put(name, pieces, metadata, if_absent=if_absent)
        except AwsError as error:
            # An earlier try may have been carried out and its answer lost: then the object is there, and ours.
            maybe_done = error.repeated and (error.status == 412 or error.code == "NoSuchUpload")
            if not maybe_done or self.client.metadata(name).get(WRITER) != writer:
                raise

    def _put_if_not_seen(self, key: str, data: Data, attributes: Attributes | None) -> bool:
        try:
            self.client.metadata(self._name(key))
        except AwsError as error:
            if error.status != 404:
                raise
            self._send(key, data, attributes)
            return True
        return False

    def _pages(self, prefix: str, delimiter: str) -> Iterator[Page]:
        following = ""
        while True:
            with told("list", f"{self.root}/{prefix}"):
                page = self.client.page(self._prefix + prefix, delimiter, PAGE, following)
            yield page
            following = page.following
            if not following:
                return

    def _children_together(self, prefixes: Sequence[str]) -> dict[str, list[str]]:
        """The children of those prefixes that few enough pages of one listing cover."""
        wanted: dict[str, set[str]] = {prefix: set() for prefix in prefixes}
        depths = {prefix.count("/") for prefix in wanted}
        pages = self._pages(_common_start(list(wanted)), "")
        last = ""
        for _ in range(1 + len(wanted) * _LISTING_FACTOR // PAGE):
            page = next(pages)
            for name in page.keys:
                last = name[len(self._prefix) :]
                parts = last.split("/")
                for depth in depths:
                    folder = "/".join(parts[:depth]) + "/"
                    if folder in wanted and parts[depth:] and parts[depth]:
                        wanted[folder].add(parts[depth])
            if not page.following:
                return {prefix: sorted(names) for prefix, names in wanted.items()}
        # What sorts before the folder of the last key has been seen whole.
        return {
            prefix: sorted(names) for prefix, names in wanted.items() if prefix < last and not last.startswith(prefix)
        }


def _common_start(texts: Sequence[str]) -> str:
    """The longest text that all of them start with, in the middle of a name where need be."""
    low, high = min(texts), max(texts)
    length = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:length]
