"""Bytes into text: UTF-8 only, and where it is not, the place and what it most likely is."""

import codecs

from annotations.tables.problems import TableError, failed

_OTHER_MARKS = {
    # The longer mark first: UTF-32 begins like UTF-16.
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
# A text in a single-byte encoding is mostly ASCII; more bytes above 127 than this is no such text.
MAX_HIGH_SHARE = 0.3
SAVE = "save it as “CSV UTF-8” or convert it to UTF-8"


def decode(data: bytes) -> str:
    """The text, without a byte order mark."""
    for mark, encoding in _OTHER_MARKS.items():
        if data.startswith(mark):
            raise failed(f"The file is {encoding}, not UTF-8: {SAVE}.", line=1)
    _check_nuls(data[:400])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error.reason) from error
    if not text.strip():
        raise failed("The file is empty: choose one with a header line and rows.")
    return text


def _check_nuls(start: bytes) -> None:
    even, odd = start[::2], start[1::2]
    empty = [part.count(0) > len(part) // 2 for part in (even, odd)]
    if all(empty):
        raise failed(
            "The file begins with NUL bytes instead of text: it is damaged. Copy it again."
        )
    if any(empty):
        raise failed(f"The file looks like UTF-16 without a mark, not UTF-8: {SAVE}.", line=1)


def _not_utf8(data: bytes, reason: str) -> TableError:
    place = _first_bad_byte(data)
    line = data.count(b"\n", 0, place) + 1
    if reason == "unexpected end of data":
        return failed(
            f"The file ends inside a character (byte {place + 1:,}): it is cut off. Copy or export "
            "it again.",
            line=line,
        )
    where = f"byte 0x{data[place]:02X} at position {place + 1:,}"
    return failed(f"The file is not UTF-8 ({where}). {_likely(data)}", line=line)


def _first_bad_byte(data: bytes) -> int:
    """Counted in the whole file: the position in a UnicodeDecodeError leaves the mark out."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _likely(data: bytes) -> str:
    high = sum(byte > 127 for byte in data[:100_000]) / len(data[:100_000])
    if high > MAX_HIGH_SHARE:
        return f"It is another encoding, or no text at all: {SAVE}."
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return f"It is most likely Latin-1 or another single-byte encoding: {SAVE}."
    return f"It is most likely Windows-1252, as Excel writes plain CSV: {SAVE}."
