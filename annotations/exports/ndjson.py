"""NDJSON: one record a line with sorted keys; the bytes that `Release.sha256` is the hash of."""

from collections.abc import Iterable, Iterator

from annotations.exports.formats import ExportFormat, Record
from annotations.releases import ndjson_line


def write(records: Iterable[Record]) -> Iterator[bytes]:
    """A line a record. No manifest among them: it has its own address and headers."""
    for record in records:
        yield ndjson_line(record)


NDJSON = ExportFormat(
    name="ndjson",
    title="NDJSON",
    content_type="application/x-ndjson",
    suffix="ndjson",
    write=write,
)
