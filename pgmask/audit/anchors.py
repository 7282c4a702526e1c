"""Anchors: the head of the chain left outside of the database, where its owner cannot change it.

A head is a line of canonical JSON with a signature of its own. Places: a file that lines are added
to, standard output for a log shipper, objects under a lock in S3-compatible storage, and RFC 3161
time stamps over the digest of the last batch.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pgmask.audit.batch import Batch, Header
from pgmask.audit.keys import PublicKey, SigningKey
from pgmask.audit.tables import Connection
from pgmask.errors import PgmaskError
from pgmask.hashing import canonical_json

FORMAT: Final = "pgmask-head-1"
LOCK_DAYS: Final = 400
"""How long an object is locked, unless told otherwise."""
_TIMEOUT: Final = 30.0
_FORMS: Final = {
    "file": r"file:.|(?![A-Za-z][A-Za-z0-9+.-]*:).", "s3": r"s3://[^/]",
    "timestamp": r"timestamp:https?://.",
}  # fmt: skip
_LIBRARIES: Final = {"s3": ("boto3",), "timestamp": ("rfc3161_client",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A head that was left somewhere. place: where it was found, '' before it is left."""

    batch: int
    digest: str
    anchored_at: str
    key: str
    signature: str
    place: str = ""

    @property
    def text(self) -> str:
        """What is signed."""
        return canonical_json({
            "format": FORMAT, "batch": self.batch, "digest": self.digest,
            "anchored_at": self.anchored_at, "key": self.key,
        })  # fmt: skip

    def line(self) -> str:
        """As it is left: one line of JSON."""
        return canonical_json({"head": json.loads(self.text), "signature": self.signature})

    def signed_by(self, keys: Mapping[str, PublicKey]) -> bool:
        """Whether one of these keys signed it."""
        key = keys.get(self.key)
        try:
            return key is not None and key.holds(bytes.fromhex(self.signature), self.text.encode())
        except ValueError:
            return False

    @classmethod
    def of(cls, batch: Batch, key: SigningKey) -> Anchor:
        """The head that ends with this batch, now."""
        made = cls(
            batch=Header.parse(batch.text).batch, digest=batch.digest, key=key.public.key_id,
            anchored_at=datetime.now(UTC).isoformat(timespec="milliseconds"), signature="",
        )  # fmt: skip
        signature = key.sign(made.text.encode()).hex()
        return cls(
            batch=made.batch, digest=made.digest, key=made.key, anchored_at=made.anchored_at,
            signature=signature,
        )  # fmt: skip

    @classmethod
    def parse(cls, line: str, place: str) -> Anchor:
        """A head of its line. Raises PgmaskError PM830."""
        try:
            found: dict[str, Any] = json.loads(line)
            head = found["head"]
            return cls(
                batch=int(head["batch"]), digest=str(head["digest"]), key=str(head["key"]),
                anchored_at=str(head["anchored_at"]), signature=str(found["signature"]),
                place=place,
            )  # fmt: skip
        except (ValueError, KeyError, TypeError):
            raise PgmaskError(
                "PM830", "this is no head that pgmask audit seal left", where=place,
                hint="Each line of a file of heads is one. A line that was cut shows that the file"
                " was changed, or its disk full.",
            ) from None  # fmt: skip


def last_batch(connection: Connection) -> Batch | None:
    """The batch at the head."""
    row = connection.execute(
        "SELECT b.header, b.key_id, b.signature FROM pgmask_audit.batch AS b"
        " ORDER BY b.batch_id DESC LIMIT 1"
    ).fetchone()
    return Batch(text=row[0], key_id=row[1], signature=bytes(row[2])) if row else None


def leave(
    connection: Connection, anchor: Anchor, places: Iterable[str], *, lock_days: int = LOCK_DAYS
) -> None:
    """Leave the head in every place, then note in the database where.

    places: ``stdout``, ``file:PATH`` or a path, ``s3://BUCKET/PREFIX``, ``timestamp:URL``.
    Raises PgmaskError: PM824 for the places that did not take it, after all were tried; PM831.
    A place of no known kind is PM824 before any is tried.
    """
    places = tuple(places)
    for place in places:
        kind_of(place)
    failed: list[str] = []
    for place in places:
        kind = kind_of(place)
        try:
            receipt = _LEAVE[kind](anchor, place, lock_days)
        except PgmaskError as error:
            if error.code != "PM824":
                raise
            failed.append(error.message)
            continue
        connection.execute(
            "SELECT pgmask_private.add_anchor(%s, %s, %s, %s)",
            (anchor.batch, kind, place, receipt),
        )
    if failed:
        raise PgmaskError("PM824", failed[0], detail="\n".join(failed[1:]))


def kind_of(place: str) -> str:
    """file, stdout, s3 or timestamp. Raises PgmaskError PM824 for a scheme that is none of these.

    A path with a colon in it is written as ``file:PATH`` or with a folder in front of it.
    """
    if place == "stdout":
        return "stdout"
    for kind, form in _FORMS.items():
        if re.match(form, place):
            return kind
    raise PgmaskError(
        "PM824", "there is no such kind of place", where=place,
        hint="file:PATH, stdout, s3://BUCKET/PREFIX or timestamp:https://SERVICE",
    )  # fmt: skip


def require(places: Iterable[str]) -> None:
    """That the places are of a known kind and their libraries are here; PgmaskError PM824, PM831.

    Whether they take a head shows when one is left.
    """
    for place in places:
        for library in _LIBRARIES.get(kind_of(place), ()):
            _library(library)


def without(connection: Connection, batch: int, places: Iterable[str]) -> tuple[str, ...]:
    """The places that are not noted to have the head of this batch or a later one."""
    found = []
    for place in places:
        row = connection.execute(
            "SELECT a.batch_id FROM pgmask_audit.anchor AS a WHERE a.place = %s"
            " ORDER BY a.anchor_id DESC LIMIT 1",
            (place,),
        ).fetchone()
        gone = kind_of(place) == "file" and not Path(place.removeprefix("file:")).exists()
        if row is None or row[0] < batch or gone:
            found.append(place)
    return tuple(found)


def read(places: Iterable[str]) -> tuple[Anchor, ...]:
    """Every head that these files and S3 places hold. Raises PgmaskError PM824, PM830, PM831."""
    found: list[Anchor] = []
    for place in places:
        kind = kind_of(place)
        if kind == "s3":
            found += _read_s3(place)
            continue
        if kind != "file":
            raise PgmaskError(
                "PM824", "heads are read from files and object storage", where=place,
                hint="A log shipper's lines in a file; time stamps are checked with --tsa-root.",
            )  # fmt: skip
        path = Path(place.removeprefix("file:"))
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise PgmaskError(
                "PM830", f"the file of heads cannot be read: {why}", where=place,
                hint="Name the file that pgmask audit seal --to file:PATH writes.",
            ) from None  # fmt: skip
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                found.append(Anchor.parse(line, f"{path}:{number}"))
    return tuple(found)


def _to_stdout(anchor: Anchor, place: str, lock_days: int) -> bytes | None:
    sys.stdout.write(anchor.line() + "\n")
    sys.stdout.flush()
    return None


def _to_file(anchor: Anchor, place: str, lock_days: int) -> bytes | None:
    path = Path(place.removeprefix("file:"))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        with os.fdopen(handle, "ab") as file:
            file.write(anchor.line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise PgmaskError(
            "PM824", f"the file did not take the head: {error.strerror}", where=place
        ) from None
    return None


def _s3(place: str) -> tuple[Any, str, str]:
    """A client, the bucket, the prefix; endpoint and credentials come from AWS's own settings."""
    boto3 = _library("boto3")
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return boto3.client("s3"), bucket, prefix.strip("/")


def _to_s3(anchor: Anchor, place: str, lock_days: int) -> bytes | None:
    client, bucket, prefix = _s3(place)
    errors = _library("botocore.exceptions")
    key = f"{anchor.batch:012d}-{anchor.digest[:16]}.json"
    try:
        answer = client.put_object(
            Bucket=bucket, Key=f"{prefix}/{key}" if prefix else key,
            Body=anchor.line().encode(), ContentType="application/json",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=lock_days),
            ChecksumAlgorithm="SHA256",
        )  # fmt: skip
    except (errors.BotoCoreError, errors.ClientError) as error:
        raise PgmaskError(
            "PM824", f"the bucket did not take the head: {type(error).__name__}", where=place
        ) from None
    return str(answer.get("VersionId", "")).encode() or None


def _read_s3(place: str) -> Iterator[Anchor]:
    client, bucket, prefix = _s3(place)
    errors = _library("botocore.exceptions")
    try:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{prefix}/" if prefix else ""
        )
        for page in pages:
            for one in page.get("Contents", ()):
                body = client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
                with contextlib.suppress(UnicodeDecodeError):
                    yield Anchor.parse(body.decode(), f"s3://{bucket}/{one['Key']}")
    except (errors.BotoCoreError, errors.ClientError) as error:
        raise PgmaskError(
            "PM824", f"the bucket cannot be read: {type(error).__name__}", where=place
        ) from None


def _to_timestamp(anchor: Anchor, place: str, lock_days: int) -> bytes | None:
    client = _library("rfc3161_client")
    url = place.removeprefix("timestamp:")
    asked = client.TimestampRequestBuilder().data(stamped(anchor.digest)).build()
    request = urllib.request.Request(  # noqa: S310 - kind_of checks the scheme
        url, data=asked.as_bytes(), headers={"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            content: bytes = answer.read(1 << 20)
        given = client.decode_timestamp_response(content)
    except (OSError, ValueError) as error:
        raise PgmaskError(
            "PM824", f"no time stamp was given: {type(error).__name__}", where=place
        ) from None
    info = given.tst_info if given.status == 0 else None
    if (
        info is None
        or info.nonce != asked.nonce
        or (info.message_imprint.message != asked.message_imprint.message)
    ):
        raise PgmaskError("PM824", "the time stamp is not of what was asked", where=place)
    return content


def stamped(digest: str) -> bytes:
    """What a time stamp is over: the digest of a header, its 32 bytes."""
    return bytes.fromhex(digest)


def timestamps(connection: Connection, roots: Iterable[bytes]) -> Iterator[tuple[int, str, bool]]:
    """Batch, time and whether it holds, of every time stamp; roots: the service's, in PEM form."""
    client = _library("rfc3161_client")
    x509 = importlib.import_module("cryptography.x509")
    builder = client.VerifierBuilder()
    for pem in roots:
        for certificate in x509.load_pem_x509_certificates(pem):
            builder = builder.add_root_certificate(certificate)
    verifier = builder.build()
    rows = connection.execute(
        "SELECT a.batch_id, a.receipt, pg_catalog.encode(pg_catalog.sha256("
        "pg_catalog.convert_to(b.header, 'UTF8')), 'hex') FROM pgmask_audit.anchor AS a"
        " JOIN pgmask_audit.batch AS b USING (batch_id) WHERE a.kind = 'timestamp'"
        " ORDER BY a.anchor_id"
    ).fetchall()
    for batch, receipt, digest in rows:
        try:
            given = client.decode_timestamp_response(bytes(receipt or b""))
            verifier.verify_message(given, stamped(digest))
        except (ValueError, client.VerificationError):
            yield batch, "", False
            continue
        yield batch, given.tst_info.gen_time.isoformat(), True


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise PgmaskError("PM831", f"{name} is not installed") from None


_LEAVE: Final = {
    "stdout": _to_stdout, "file": _to_file, "s3": _to_s3, "timestamp": _to_timestamp,
}  # fmt: skip
