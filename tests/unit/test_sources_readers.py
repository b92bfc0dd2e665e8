"""The readers: what becomes of well and badly formed CSV, NDJSON and Parquet, line by line."""

from __future__ import annotations

import datetime as dt
import decimal
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle_mail.sources.csv_files import MAXIMUM_RECORD_LINES, read_csv
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.ndjson_files import read_ndjson
from lifecycle_mail.sources.parquet_files import read_parquet
from lifecycle_mail.sources.rows import CHUNK_ROWS, FileRefused

# The required columns: each row of the tests below has them, and no other.
LINES = replace(feeds()["cart_lines"], columns=tuple(one for one in feeds()["cart_lines"].columns if one.required))
HEADER = b"cart_id,product_id,quantity,unit_price\n"


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def csv_rows(folder: Path, content: bytes) -> tuple[dict[int, tuple[object, ...]], dict[int | None, str]]:
    """Rows by line, and reasons of refused rows by line, of a cart_lines file."""
    kept, refused = {}, {}
    for chunk in read_csv(write(folder, "cart_lines.csv", content), LINES):
        kept.update(zip(chunk.lines, zip(*chunk.columns, strict=True), strict=True))
        refused.update({row.line: row.reason for row in chunk.refused})
    return kept, refused


def test_csv_rows_by_line(tmp_path: Path) -> None:
    """Rows come with their line, the header being line 1; an empty line is no row."""
    kept, refused = csv_rows(tmp_path, HEADER + b"k,p,1,2\n\nk,q,3,4")
    assert kept == {2: ("k", "p", "1", "2"), 4: ("k", "q", "3", "4")}
    assert refused == {}


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_csv_line_endings_and_mark(tmp_path: Path, ending: bytes) -> None:
    """Any line ending is read, and a byte order mark is no part of the first name."""
    content = b"\xef\xbb\xbf" + (HEADER + b"k,p,1,2\nk,q,3,4\n").replace(b"\n", ending)
    assert csv_rows(tmp_path, content)[0] == {2: ("k", "p", "1", "2"), 3: ("k", "q", "3", "4")}


def test_csv_columns_in_any_order_and_case(tmp_path: Path) -> None:
    """Columns are found by name, in any order, with unknown ones noted."""
    path = write(tmp_path, "cart_lines.csv", b"Quantity, colour,unit_price,CART_ID,product_id\n1,red,2,k,p\n")
    (chunk,) = read_csv(path, LINES)
    assert list(zip(*chunk.columns, strict=True)) == [("k", "p", "1", "2")]
    assert chunk.unknown == {"colour"}


def test_csv_quoted_newlines_and_commas(tmp_path: Path) -> None:
    """A quoted field may hold commas, quotes and line ends; lines after it keep their numbers."""
    kept, refused = csv_rows(tmp_path, HEADER + b'"k,1","p ""x""\ny",1,2\nk,q,3,4\n')
    assert kept == {2: ("k,1", 'p "x"\ny', "1", "2"), 4: ("k", "q", "3", "4")}
    assert refused == {}


@pytest.mark.parametrize(
    "after",
    [
        b"k,b,1,2\nk,c,1,2\n",
        b'k,"b",1,2\nk,c,1,2\n',
        b'k,b,1,2\n"k",c,1,2\n',
        b'k,b,"1",2\nk,c,1,2\n',
    ],
)
def test_csv_open_quote_costs_its_own_line(tmp_path: Path, after: bytes) -> None:
    """A quote that is never closed, or closed in a later row, sets aside its line alone."""
    kept, refused = csv_rows(tmp_path, HEADER + b'k,"a,1,2\n' + after)
    assert refused == {2: "malformed_csv"}
    assert kept == {3: ("k", "b", "1", "2"), 4: ("k", "c", "1", "2")}


def test_csv_open_quote_far_from_any_other(tmp_path: Path) -> None:
    """However many lines follow an open quote, across chunks, only its own line is set aside."""
    count = CHUNK_ROWS + MAXIMUM_RECORD_LINES
    body = b"".join(b"k,p%d,1,2\n" % number for number in range(count))
    kept, refused = csv_rows(tmp_path, HEADER + b'k,"a,1,2\n' + body)
    assert refused == {2: "malformed_csv"}
    assert kept == {number + 3: ("k", f"p{number}", "1", "2") for number in range(count)}


def test_csv_record_over_the_edge_of_a_chunk(tmp_path: Path) -> None:
    """A record of several lines that begins on the last line of a chunk is whole."""
    body = b"".join(b"k,p%d,1,2\n" % number for number in range(CHUNK_ROWS - 1))
    kept, refused = csv_rows(tmp_path, HEADER + body + b'k,"x\ny",5,6\nk,z,7,8\n')
    assert refused == {}
    assert kept[CHUNK_ROWS + 1] == ("k", "x\ny", "5", "6")
    assert kept[CHUNK_ROWS + 3] == ("k", "z", "7", "8")
    assert len(kept) == CHUNK_ROWS + 1


def test_csv_bad_rows_among_good_ones(tmp_path: Path) -> None:
    """A wrong width sets aside its own line; bytes that are no UTF-8, and NUL, stay in their cells."""
    content = HEADER + b"k,a,1\nk,b,1,2,3\nk,\xe9,1,2\nk,c\0,1,2\nk,d,1,2\n"
    kept, refused = csv_rows(tmp_path, content)
    assert refused == {2: "wrong_field_count", 3: "wrong_field_count"}
    assert kept == {4: ("k", "\udce9", "1", "2"), 5: ("k", "c\0", "1", "2"), 6: ("k", "d", "1", "2")}


SPREADSHEETS = [
    ("cart_id;product_id;quantity;unit_price\nk;a,b;1;2\n", "utf-8", 2),
    ("cart_id\tproduct_id\tquantity\tunit_price\nk\ta,b\t1\t2\n", "utf-8-sig", 2),
    ("cart_id|product_id|quantity|unit_price\nk|a,b|1|2\n", "utf-8", 2),
    ("sep=;\ncart_id;product_id;quantity;unit_price\nk;a,b;1;2\n", "utf-8-sig", 3),
    ('"sep=#"\r\ncart_id#product_id#quantity#unit_price\r\nk#a,b#1#2\r\n', "utf-8", 3),
    ("cart_id\tproduct_id\tquantity\tunit_price\r\nk\ta,b\t1\t2\r\n", "utf-16", 2),
    ("cart_id;product_id;quantity;unit_price\nk;a,b;1;2\n", "utf-16-be", 2),
    ("cart_id;product_id;quantity;unit_price\nk;a,b;1;2\n", "utf-16-le", 2),
    ("cart_id,product_id,quantity,unit_price\nk,\"a,b\",1,2\n", "utf-32", 2),
    ("\u200bcart_id,\xa0product_id\xa0,quantity,unit_price\nk,\"a,b\",1,2\n", "utf-8", 2),
]


@pytest.mark.parametrize(("text", "encoding", "line"), SPREADSHEETS)
def test_csv_as_spreadsheets_write_it(tmp_path: Path, text: str, encoding: str, line: int) -> None:
    """Semicolons, tabs, bars, Excel's line, and UTF-16 with or without its mark are read. Lines keep their numbers."""
    assert csv_rows(tmp_path, text.encode(encoding)) == ({line: ("k", "a,b", "1", "2")}, {})


def test_torn_quotes_are_split_at_the_separator_of_the_file(tmp_path: Path) -> None:
    """A no counts also from a broken line of a file with semicolons."""
    text = 'customer_id;email;created_at;permission\nann;"ann@example.com;2026-01-01T00:00:00Z;withdrawn\n'
    (chunk,) = read_csv(write(tmp_path, "customers.csv", text.encode()), feeds()["customers"])
    assert [(row.line, row.cells["permission"], row.cells["customer_id"]) for row in chunk.refused] == [
        (2, ["withdrawn"], ["ann"])
    ]


LOOKS = [
    (
        b"PK\x03\x04\x14\x00", "unreadable_file",
        "the file looks like an Excel workbook or a zip archive: save it as CSV",
    ),
    (b"\x1f\x8b\x08\x00", "unreadable_file", "the file looks like gzip: unpack it"),
    (b"PAR1", "unreadable_file", "the file looks like Parquet: name it .parquet"),
    (
        b"<!DOCTYPE html>\n", "wrong_columns",
        "required column missing: cart_id, product_id, quantity, unit_price; "
        "the file looks like HTML or XML, perhaps an error page",
    ),
    (
        b'[{"cart_id":"k"}]\n', "wrong_columns",
        "required column missing: cart_id, product_id, quantity, unit_price; the file looks like JSON: name it .ndjson",
    ),
    (
        b"cart_id;product_id;price\nk;p;1\n", "wrong_columns",
        "required column missing: quantity, unit_price; it was read as 3 columns with semicolons between them",
    ),
    (
        b"k,p,1,2\n", "wrong_columns",
        "required column missing: cart_id, product_id, quantity, unit_price; "
        "the first line has none of the feed's columns: is the header line missing?",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "reason", "detail"), LOOKS)
def test_a_file_that_cannot_be_read_says_what_it_looks_like(
    tmp_path: Path, content: bytes, reason: str, detail: str
) -> None:
    """The refusal names the form that the file seems to have, never a value of it."""
    with pytest.raises(FileRefused) as refusal:
        list(read_csv(write(tmp_path, "cart_lines.csv", content), LINES))
    assert (refusal.value.reason, refusal.value.detail) == (reason, detail)


def test_ndjson_in_other_forms(tmp_path: Path) -> None:
    """UTF-16 is read, and so is an array with one object per line."""
    one = '{"cart_id":"k","product_id":"a","quantity":1,"unit_price":2}'
    two = one.replace('"a"', '"b"')
    arrays = f"[{one},\n{two}]\n".encode(), f"[\n{one},\n{two}\n]".encode()
    for content in (f"{one}\n{two}\n".encode("utf-16"), *arrays):
        (chunk,) = read_ndjson(write(tmp_path, "cart_lines.ndjson", content), LINES)
        assert (chunk.columns[1], chunk.refused) == (("a", "b"), [])


ONE = '{"cart_id":"k","product_id":"a","quantity":1,"unit_price":2}'
TWO = ONE.replace('"a"', '"b{\\"}"')
SPREAD = '{\n "cart_id": "k",\n "product_id": "%s",\n "quantity": 1,\n "unit_price": 2\n}'
SEVERAL = [
    (f"[{ONE}, {TWO}]", [1, 2]),
    (f"{ONE}{TWO}\n", [1, 2]),
    (f"{ONE}\r{TWO}\r", [1, 2]),
    (f"{ONE}\n[{TWO}]\n", [1, 2]),
    (f"[\n{SPREAD % 'a'},\n{SPREAD % 'b{}'}\n]\n", [2, 8]),
    (f"\n{SPREAD % 'a'}\n\n{SPREAD % 'b{}'}", [2, 9]),
]


@pytest.mark.parametrize(("content", "lines"), SEVERAL)
def test_ndjson_of_several_objects_on_a_line_or_one_on_several(
    tmp_path: Path, content: str, lines: list[int]
) -> None:
    """One array, objects without line ends, and objects over several lines are read; each object has its number."""
    (chunk,) = read_ndjson(write(tmp_path, "cart_lines.ndjson", content.encode()), LINES)
    assert (chunk.lines, len(set(chunk.columns[1])), chunk.columns[1][0], chunk.refused) == (lines, 2, "a", [])
    assert ["cart_id" in text for text in chunk.texts] == [True, True]


def test_ndjson_over_several_lines_that_breaks(tmp_path: Path) -> None:
    """It is refused as a whole, and what stood before the break is handed over, because an opt-out in it counts."""
    path = write(tmp_path, "cart_lines.ndjson", f"{SPREAD % 'a'}\n{SPREAD % 'b'}"[:-20].encode())
    chunks = read_ndjson(path, LINES)
    assert next(chunks).columns[1] == ("a",)
    with pytest.raises(FileRefused) as refusal:
        next(chunks)
    assert refusal.value.args == ("unreadable_file", "the JSON breaks in the object after line 1")


def test_ndjson_names_in_other_letters(tmp_path: Path) -> None:
    """Names are found in any case and with blanks, as in a CSV file. One that is written right wins."""
    content = b'{"Cart_ID":"k"," PRODUCT_ID ":"p","quantity":1,"Quantity":9,"UNIT_PRICE":2,"Colour":"red"}'
    (chunk,) = read_ndjson(write(tmp_path, "cart_lines.ndjson", content), LINES)
    assert (list(zip(*chunk.columns, strict=True)), chunk.unknown) == ([("k", "p", "1", "2")], {"Colour"})


@pytest.mark.parametrize(
    ("content", "kept", "refused"),
    [
        (b"\n \n" + HEADER + b"k,p,1,2\n", {4: ("k", "p", "1", "2")}, {}),
        (HEADER.strip() + b",\nk,p,1,2\nk,q,1,2\n", {2: ("k", "p", "1", "2"), 3: ("k", "q", "1", "2")}, {}),
        (HEADER.strip() + b",,\nk,p,1,2,,\n", {2: ("k", "p", "1", "2")}, {}),
        (HEADER.strip() + b",\nk,p,1,2,\nk,q,1,2\n", {2: ("k", "p", "1", "2")}, {3: "wrong_field_count"}),
        (HEADER + b"k,p,1,2,\n", {}, {2: "wrong_field_count"}),
    ],
)
def test_csv_blank_lines_and_separators_around_the_header(
    tmp_path: Path, content: bytes, kept: dict[int, tuple[str, ...]], refused: dict[int, str]
) -> None:
    """Blank lines before the header are none. A separator at its end begins no column if no row has it. A row that is
    wider than the header may be shifted, so it is never guessed."""
    assert csv_rows(tmp_path, content) == (kept, refused)


def test_columns_that_a_row_does_not_have_are_told_from_empty_ones(tmp_path: Path) -> None:
    """In CSV a column is absent for the file, in NDJSON a key for its row. An empty or null one is not absent."""
    carts = feeds()["carts"]
    names = "cart_id,customer_id,created_at,updated_at,status"
    (chunk,) = read_csv(write(tmp_path, "carts.csv", f"{names}\nk,c,1,2,open\n".encode()), carts)
    assert chunk.absent == ["{currency,url}"]
    (chunk,) = read_csv(write(tmp_path, "carts.csv", f"{names},url\nk,c,1,2,open,\n".encode()), carts)
    assert chunk.absent == ["{currency}"]
    (chunk,) = read_ndjson(write(tmp_path, "carts.ndjson", b'{"cart_id":"k"}\n{"cart_id":"l","url":null}'), carts)
    assert chunk.absent == ["{currency,url}", "{currency}"]
    pq.write_table(pa.table({name: ["1"] for name in names.split(",")}), tmp_path / "carts.parquet")
    (chunk,) = read_parquet(tmp_path / "carts.parquet", carts)
    assert chunk.absent == ["{currency,url}"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "wrong_columns"),
        (b"cart_id,quantity,unit_price\nk,1,2\n", "wrong_columns"),
        (b"cart_id,cart_id,product_id,quantity,unit_price\n", "wrong_columns"),
        (HEADER.decode().encode("utf-16") + b"k", "wrong_encoding"),
        (b"cart_id,product_id,quantity,unit_price,\xe9\nk,p,1,2,3\n", "wrong_encoding"),
    ],
)
def test_csv_refused_as_a_whole(tmp_path: Path, content: bytes, reason: str) -> None:
    """A file without the required columns, or in another encoding, is refused by name."""
    with pytest.raises(FileRefused) as refusal:
        list(read_csv(write(tmp_path, "cart_lines.csv", content), LINES))
    assert refusal.value.reason == reason


def test_file_without_header_shows_no_person(tmp_path: Path) -> None:
    """The detail names the columns that are missing, never what stands in their place."""
    path = write(tmp_path, "customers.csv", b"c1,ann@example.com,2026-01-01T00:00:00Z\n")
    with pytest.raises(FileRefused) as refusal:
        list(read_csv(path, feeds()["customers"]))
    assert refusal.value.detail == (
        "required column missing: customer_id, email, created_at; "
        "the first line has none of the feed's columns: is the header line missing?"
    )


def test_ndjson_types(tmp_path: Path) -> None:
    """Numbers, texts of numbers, booleans and null become the texts a CSV file would hold."""
    content = (
        b'{"product_id":7,"name":"x","price":"1.50","is_consumable":true,"daily_use":0.5,"url":null,"extra":1}\n'
    )
    (chunk,) = read_ndjson(write(tmp_path, "products.ndjson", content), feeds()["products"])
    row = dict(zip(feeds()["products"].column_names, next(zip(*chunk.columns, strict=True)), strict=True))
    assert {name: value for name, value in row.items() if value is not None} == {
        "product_id": "7", "name": "x", "price": "1.50", "is_consumable": "true", "daily_use": "0.5",
    }
    assert chunk.unknown == {"extra"}


def test_ndjson_bad_lines(tmp_path: Path) -> None:
    """Broken JSON, and JSON that is not an object, set aside their line. Bytes that are no UTF-8 stay in their value,
    and a value of a wrong type is named with its place."""
    lines = [
        b'{"cart_id":"k","product_id":"a","quantity":1,"unit_price":2}',
        b'{"cart_id":"k"',
        b'["k","a",1,2]',
        b'{"cart_id":"\xe9","product_id":"a","quantity":1,"unit_price":2}',
        b'{"cart_id":["k"],"product_id":"a","quantity":1,"unit_price":2}',
        b'{"cart_id":true,"product_id":"a","quantity":1,"unit_price":2}',
        b'{"cart_id":1.5,"product_id":"a","quantity":1,"unit_price":2}',
        b"",
        b'{"cart_id":"k","product_id":"b","quantity":NaN,"unit_price":2}',
        b"[" * 100_000,
    ]
    (chunk,) = read_ndjson(write(tmp_path, "cart_lines.ndjson", b"\n".join(lines)), LINES)
    assert {row.line: row.reason for row in chunk.refused} == {
        2: "broken_json", 3: "broken_json", 10: "broken_json",
    }
    assert dict(zip(chunk.lines, zip(*chunk.columns, strict=True), strict=True)) == {
        1: ("k", "a", "1", "2"), 4: ("\udce9", "a", "1", "2"),
        5: (None, "a", "1", "2"), 6: (None, "a", "1", "2"), 7: (None, "a", "1", "2"),
        9: ("k", "b", None, "2"),
    }
    assert {(chunk.lines[place], column) for place, column in chunk.wrong} == {
        (5, "cart_id"), (6, "cart_id"), (7, "cart_id"),
    }


def test_parquet_native_types(tmp_path: Path) -> None:
    """Zoned times, dates, decimals, booleans and whole-number keys arrive as texts that mean the same."""
    zone = dt.timezone(dt.timedelta(hours=2))
    table = pa.table({
        "customer_id": pa.array([7, 8], pa.int64()),
        "email": pa.array(["a@example.com", "b@example.com"]).dictionary_encode(),
        "created_at": pa.array([dt.datetime(2026, 3, 1, 12, tzinfo=zone)] * 2, pa.timestamp("us", "Europe/Berlin")),
        "birthday": pa.array([dt.date(1980, 2, 29), None], pa.date32()),
    })
    pq.write_table(table, tmp_path / "customers.parquet")
    (chunk,) = read_parquet(tmp_path / "customers.parquet", feeds()["customers"])
    first = dict(zip(feeds()["customers"].column_names, next(zip(*chunk.columns, strict=True)), strict=True))
    assert {name: value for name, value in first.items() if value is not None} == {
        "customer_id": "7", "email": "a@example.com", "created_at": "2026-03-01 10:00:00.000000Z",
        "birthday": "1980-02-29",
    }
    assert chunk.lines == [1, 2]


def test_parquet_decimals_and_booleans(tmp_path: Path) -> None:
    """Decimals keep their digits, booleans their meaning."""
    table = pa.table({
        "product_id": ["p"], "name": ["x"], "price": pa.array([decimal.Decimal("1.50")], pa.decimal128(10, 2)),
        "is_consumable": [True],
    })
    pq.write_table(table, tmp_path / "products.parquet")
    (chunk,) = read_parquet(tmp_path / "products.parquet", feeds()["products"])
    row = dict(zip(feeds()["products"].column_names, next(zip(*chunk.columns, strict=True)), strict=True))
    assert (row["price"], row["is_consumable"]) == ("1.50", "true")


def test_whole_numbers_with_a_point_are_keys(tmp_path: Path) -> None:
    """A table with gaps holds whole numbers as 7.0, and a gap as NaN. One that may have lost digits is no key."""
    orders = feeds()["orders"]
    names = ("order_id", "customer_id", "cart_id")
    table = pa.table({
        "order_id": [b"o1", b"o2"], "customer_id": [7.0, 8.0], "cart_id": [9.0, float("nan")],
        "ordered_at": ["x", "x"], "total": [1.5, 2.0],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "orders.parquet")
    (chunk,) = read_parquet(tmp_path / "orders.parquet", orders)
    columns = [chunk.columns[orders.column_names.index(name)] for name in names]
    assert list(zip(*columns, strict=True)) == [("o1", "7", "9"), ("o2", "8", None)]
    content = (
        b'{"order_id":1.0,"customer_id":7,"cart_id":9.0}\n{"order_id":2.5,"customer_id":7,"cart_id":NaN}\n'
        b'{"order_id":1e17,"customer_id":7,"cart_id":-3.0}\n'
    )
    (chunk,) = read_ndjson(write(tmp_path, "orders.ndjson", content), orders)
    columns = [chunk.columns[orders.column_names.index(name)] for name in names]
    assert list(zip(*columns, strict=True)) == [("1", "7", "9"), (None, "7", None), (None, "7", "-3")]
    assert chunk.wrong == {(1, "order_id"), (2, "order_id")}


def test_parquet_refused_as_a_whole(tmp_path: Path) -> None:
    """A file is refused by name if it is no Parquet, or if a column has a type that its kind cannot take."""
    pq.write_table(
        pa.table({"cart_id": [1.5], "product_id": ["p"], "quantity": [1], "unit_price": [2]}),
        tmp_path / "cart_lines.parquet",
    )
    with pytest.raises(FileRefused) as wrong_type:
        list(read_parquet(tmp_path / "cart_lines.parquet", LINES))
    with pytest.raises(FileRefused) as unreadable:
        list(read_parquet(write(tmp_path, "other.parquet", b"no parquet at all"), LINES))
    assert [wrong_type.value.reason, unreadable.value.reason] == ["wrong_type", "unreadable_file"]
