"""Files that are whole or not there, and Parquet files that know when a single bit of them has changed."""

import contextlib
import errno
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simulation.parameters import InputError

KIND = "sadar sweep"  # in the metadata of every file
MARK = b'"crc32": "'  # eight hex digits follow
PARQUET = {"write_page_checksum": True, "write_statistics": False, "store_schema": False}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StoreError(InputError, OSError):
    """A file could not be written or read. The text is the message; what was finished before is kept."""


class Unsound(Exception):
    """A file is not what was written; the text says why."""


class Foreign(Unsound):
    """A sound file of another sweep."""


#: what two files of one sweep agree in -> what it means that they do not
SAME = {"plan": "another design", "code": "another version of the simulation", "columns": "a sweep of other outcomes"}


@contextlib.contextmanager
def told(path: Path, what: str) -> Iterator[None]:
    """Turn an OSError into a StoreError that says what failed."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        remedy = "; what was finished before is kept: make room, then resume" if error.errno in FULL else ""
        raise StoreError(f"{path}: {what} ({error.strerror or error}){remedy}") from None


def temporary(name: str) -> bool:
    """Is this the name of a file that `replacing` has not finished?"""
    return name.startswith(".") and ".tmp-" in name


@contextlib.contextmanager
def replacing(path: Path) -> Iterator:
    """A binary file that takes its place at `path` when the block ends well and its bytes are on the disk; else nothing is left of it."""
    draft = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    with told(path, "could not be written"):
        try:
            with draft.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:  # Ctrl-C too
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


def write(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)


def encoded(table: pa.Table, about: dict, **options) -> bytearray:
    """A Parquet file in memory. Its metadata hold `about` and a checksum of all other bytes: page checksums leave out the footer."""
    told_there = json.dumps({"kind": KIND, **about, "crc32": "00000000"})
    sink, table = pa.BufferOutputStream(), table.replace_schema_metadata()
    with pq.ParquetWriter(sink, table.schema, **PARQUET, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"sadar": told_there})
    data = bytearray(sink.getvalue())
    place = data.rindex(MARK) + len(MARK)
    data[place : place + 8] = b"%08x" % zlib.crc32(data)
    return data


def sound(path: Path, identity: dict) -> pq.ParquetFile:
    """A file of `encoded`, every byte of it checked, whose metadata agree with `identity`. Raises Unsound, FileNotFoundError."""
    try:
        data = bytearray(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.EIO:
            raise Unsound("cannot be read (the disk reports an error)") from None
        raise StoreError(f"{path}: could not be read ({error.strerror})") from None
    place = data.rfind(MARK) + len(MARK)
    given, data[place : place + 8] = bytes(data[place : place + 8]), b"00000000"
    if place < len(MARK) or given != b"%08x" % zlib.crc32(data):
        raise Unsound("is truncated or damaged")
    file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
    about = json.loads(file.metadata.metadata[b"sadar"])
    for key, value in identity.items():
        if about.get(key) != value:
            raise Foreign(f"belongs to {SAME[key]}") if key in SAME else Unsound(f"holds other runs, {key} {about.get(key)}")
    return file


def cut(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` rows each, one chunk a column, whatever tables they came in."""
    kept, count = [], 0
    for table in tables:
        kept, count = [*kept, table], count + len(table)
        while count >= rows:
            whole = pa.concat_tables(kept)
            yield whole.slice(0, rows).combine_chunks()
            kept, count = [whole.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(kept).combine_chunks()
