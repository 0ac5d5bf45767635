"""What every export format has; a new one is tested by being listed in `exports.FORMATS`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]
# What cannot stand in a CSV of any reader, nor in a PostgreSQL text; written out as six characters.
NUL, NUL_WRITTEN = "\x00", "\\u0000"


@dataclass(frozen=True)
class ExportFormat:
    """`write` takes records one by one and gives bytes as they are ready: memory stays flat."""

    name: str
    title: str
    content_type: str
    suffix: str
    write: Callable[[Iterable[Record]], Iterator[bytes]]
