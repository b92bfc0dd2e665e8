"""What a file looks like from its first bytes: its encoding, or what it is instead of a text.

Stage 1 of the path. Spreadsheets write UTF-16 and call anything `.csv`. A file that is read as what it is not would be
refused row by row, and no reason would say why.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from lifecycle_mail.sources.rows import FileRefused

_MARKS = (  # the longer mark first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_NO_TEXTS = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive: save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save it as CSV"),
    (b"\x1f\x8b", "gzip: unpack it"),
    (b"PAR1", "Parquet: name it .parquet"),
    (b"SQLite format 3", "a SQLite database: export its table as CSV"),
    (b"%PDF", "a PDF: export CSV"),
)
_JSON = "JSON: name it .ndjson"
_TEXTS = ((b"<", "HTML or XML, perhaps an error page"), (b"{", _JSON), (b"[", _JSON))


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file: UTF-8, unless its first bytes are those of UTF-16 or UTF-32.

    Raises:
        FileRefused: it is no text.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(16)
    for start, what in _NO_TEXTS:
        if head.startswith(start):
            raise FileRefused("unreadable_file", f"the file looks like {what}")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # Without a mark, every other byte of ASCII text is NUL.
    if len(head) >= 4 and not any(head[1::2]) and all(head[::2]):
        return "utf-16-le"
    if len(head) >= 4 and not any(head[::2]) and all(head[1::2]):
        return "utf-16-be"
    return "utf-8-sig"


def looks_like(first_line: str) -> str:
    """Return what a text looks like that is no table, judged by its first line; '' = not known."""
    start = first_line.lstrip("\ufeff \t").encode("utf-8", "replace")
    return next((what for mark, what in _TEXTS if start.startswith(mark)), "")
