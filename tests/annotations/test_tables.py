"""Files of rows: each format gives the same rows, each damage is told with place and remedy."""

import csv
import gzip
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.tables import Problem, TableError, read_table
from annotations.tables.problems import MAX_NOTES_OF_A_KIND, MAX_PROBLEMS
from annotations.tables.table import text_of

ROWS = [
    {"id": "1", "prompt": "How do I bake bread?", "score": "0"},
    {"id": "2", "prompt": "Two lines,\nand a “quote”", "score": None},
]


def as_csv(rows, separator=","):
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_parquet(rows):
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


def as_json_lines(rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


FORMATS = {
    "cases.csv": as_csv(ROWS),
    "cases.tsv": as_csv(ROWS, "\t"),
    "cases.jsonl": as_json_lines(ROWS),
    "cases.json": json.dumps(ROWS, indent=1).encode(),
    "cases.parquet": as_parquet(ROWS),
}


def problems_of(data, name="cases.csv", **options):
    with pytest.raises(TableError) as caught:
        read_table(data, name, **options)
    return caught.value.problems


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_gives_the_same_rows_also_packed(name, packed):
    data = gzip.compress(FORMATS[name], mtime=0) if packed else FORMATS[name]

    table = read_table(data, f"{name}.gz" if packed else name)

    assert table.columns == ("id", "prompt", "score")
    assert [dict(row.cells) for row in table.rows] == ROWS
    assert table.notes == ()


@pytest.mark.parametrize("name", FORMATS)
def test_the_content_decides_where_the_name_says_nothing(name):
    kind = {"tsv": "tsv", "jsonl": "jsonl"}.get(name.split(".")[1], name.split(".")[1])

    assert read_table(FORMATS[name], "upload").format == kind


def test_a_path_an_open_file_and_bytes_are_read_alike(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_bytes(FORMATS["cases.csv"])
    with path.open("rb") as file:
        tables = [read_table(path), read_table(str(path)), read_table(file, "cases.csv")]

    assert all(table.rows == tables[0].rows for table in tables)
    assert tables[0].name == "cases.csv"


def test_a_record_has_the_line_where_it_begins():
    data = b'id,text\n1,"a\nb\nc"\n\n2,x\n'
    assert [row.line for row in read_table(data, "x.csv").rows] == [2, 6]

    array = b'[\n {"id": 1},\n\n {"id":\n 2}, {"id": 3}]'
    assert [row.line for row in read_table(array, "x.json").rows] == [2, 4, 5]


def test_a_multi_line_file_of_the_real_world_keeps_its_lines(shared_data):
    path = shared_data / "xstest_annotated.csv"
    lines = path.read_text(encoding="utf-8").split("\n")
    table = read_table(path)

    assert len(table.rows) == 2250
    assert all(lines[row.line - 1].startswith(f"{row['id']},") for row in table.rows)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n \n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_refused(data):
    assert "is empty" in problems_of(data)[0].message or "an empty file" in str(
        problems_of(data)[0]
    )


@pytest.mark.parametrize("data", [b"id,text\n", b"[]", b" [ ]\n"])
def test_a_file_without_rows_is_refused(data):
    assert "no rows" in problems_of(data, "upload")[0].message


def test_records_without_any_column_are_refused():
    assert "name no columns" in problems_of(b"{}\n{}", "upload")[0].message


def test_a_byte_order_mark_is_accepted():
    assert read_table(b"\xef\xbb\xbfid\n1\n", "x.csv").columns == ("id",)


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        ("id,text\n1,caf\xe9 \x93now\x94\n".encode("latin-1"), 2, "Windows-1252"),
        ("id,text\n1,ok\n2,\xe9\x81\n".encode("latin-1"), 3, "Latin-1"),
        ("id,text\n1,caf\xe9\n".encode("utf-16"), 1, "UTF-16"),
        ("id,text\n1,cafe\n".encode("utf-16-le"), 1, "UTF-16"),
        ("id\n1\n".encode("utf-32"), 1, "UTF-32"),
        ("id,text\n1,caf\xe9".encode()[:-1], 2, "cut off"),
        (
            b"id\n" + "\u043f\u0440\u0438\u0432\u0435\u0442".encode("koi8-r") * 9,
            2,
            "another encoding",
        ),
        (bytes(100), None, "NUL bytes"),
    ],
)
def test_text_that_is_not_utf8_is_told_with_its_place_and_likely_encoding(data, line, words):
    (problem,) = problems_of(data)

    assert problem.line == line
    assert words in problem.message


def test_the_byte_that_is_not_utf8_is_named():
    (problem,) = problems_of(b"\xef\xbb\xbfid\ncaf\xe9 au lait\n")

    assert "byte 0xE9 at position 10" in problem.message


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("x.csv", b'id,text\n1,ok\n2,"never closed\nmore', 3),
        ("x.csv", b"id,text\n1,ok\n2", 3),
        ("x.jsonl", b'{"id": 1}\n{"id": 2, "te', 2),
        ("x.jsonl", b'{"id": 1}\n{"id": tr', 2),
        ("x.json", b'[{"id": 1},\n{"id": 2', 2),
        ("x.json", b'[{"id": 1},\n', 1),
        ("x.json", b'[{"id": 1}', 1),
        ("x.csv.gz", gzip.compress(FORMATS["cases.csv"], mtime=0)[:-12], None),
        ("x.csv.gz", gzip.compress(FORMATS["cases.csv"], mtime=0)[:5], None),
        ("x.parquet", FORMATS["cases.parquet"][:-7], None),
        ("x.parquet", b"PAR1PAR1", None),
    ],
)
def test_a_file_that_is_cut_off_is_told_with_the_line(name, data, line):
    (problem,) = problems_of(data, name)

    assert "cut off" in problem.message
    assert problem.line == line


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(FORMATS["cases.csv"], mtime=0)[:-8] + bytes(8),
        FORMATS["cases.parquet"][:20] + b"\xff" * 80 + FORMATS["cases.parquet"][100:],
        b"PAR1" + b"\xff" * 40 + b"PAR1",
    ],
)
def test_a_damaged_file_is_told(data):
    assert "damaged" in problems_of(data, "upload")[0].message


def test_two_columns_of_one_name_are_refused_in_every_format():
    for data, name in [
        (b"id,text,id\n1,2,3\n", "x.csv"),
        (b'{"id": 1, "text": 2, "id": 3}', "x.jsonl"),
        (parquet_with_two_ids(), "x.parquet"),
    ]:
        (problem,) = problems_of(data, name)
        assert "“id”" in problem.message
        assert problem.line == 1


def parquet_with_two_ids():
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table([[1], [2]], names=["id", "id"]), file)
    return file.getvalue()


def test_a_column_without_a_name_gets_its_number_and_a_note():
    table = read_table(b",id\n0,1\n", "pandas.csv")

    assert table.columns == ("column_1", "id")
    assert "Column 1 has no name" in table.notes[0].message


def test_each_row_with_a_wrong_number_of_fields_is_named():
    first, second = problems_of(b"id,text\n1,a,b\n2,ok\n3\n")

    assert (first.line, second.line) == (2, 4)
    assert "3 fields where the header has 2" in first.message
    assert "double quotes" in first.message


def test_a_quote_that_is_not_doubled_is_told_with_the_record():
    (problem,) = problems_of(b'id,text\n1,ok\n2,"say "hi" now"\n')

    assert problem.line == 3
    assert "not doubled" in problem.message


def test_many_problems_are_counted_and_not_all_listed():
    problems = problems_of(b"id,text\n" + b"1,a,b\n" * 400)

    assert len(problems) == MAX_PROBLEMS + 1
    assert str(problems[-1]) == "and 350 more problems of this kind."


@pytest.mark.parametrize("name", FORMATS)
def test_a_cell_of_five_megabytes_is_refused_with_line_and_column(name):
    rows = [{"id": "1", "text": "short"}, {"id": "2", "text": "x" * 5_000_000}]
    data = {
        "cases.csv": lambda: as_csv(rows),
        "cases.tsv": lambda: as_csv(rows, "\t"),
        "cases.jsonl": lambda: as_json_lines(rows),
        "cases.json": lambda: json.dumps(rows).encode(),
        "cases.parquet": lambda: as_parquet(rows),
    }[name]()

    (problem,) = problems_of(data, name)
    assert problem.column == "text"
    assert "5.0 MB" in problem.message
    assert problem.line == {"cases.json": 1, "cases.parquet": 2}.get(
        name, 3 if "csv" in name or "tsv" in name else 2
    )


def test_a_cell_just_under_the_limit_is_kept():
    table = read_table(b"text\n" + b"x" * 1_000_000 + b"\n", "x.csv")

    assert len(table.rows[0]["text"]) == 1_000_000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", b"id,text\n1,a\x00b\n"),
        ("x.jsonl", b'{"id": 0, "text": ""}\n{"id": 1, "text": ["a\\u0000b"]}'),
        ("x.parquet", as_parquet([{"text": "a"}, {"text": "a\x00b"}])),
    ],
)
def test_nul_bytes_are_refused_with_line_and_column(name, data):
    (problem,) = problems_of(data, name)

    assert (problem.line, problem.column) == (2, "text")
    assert "NUL" in problem.message


def test_half_a_character_is_refused():
    (problem,) = problems_of(b'{"text": "a\\ud800"}', "x.jsonl")

    assert "lone surrogate" in problem.message


def test_hostile_cells_are_kept_as_they_are_and_noted():
    cells = [
        "=1+1",
        "<script>alert(1)</script>",
        "bell\x07 and \u202eturned",
        "-5",
        "- a list",
        "+1%",
    ]
    table = read_table(as_csv([{"text": cell} for cell in cells]), "x.csv")

    assert [row["text"] for row in table.rows] == cells
    assert [(note.line, note.message.split(";")[0]) for note in table.notes] == [
        (2, "begins like a spreadsheet formula"),
        (3, "holds a script tag"),
        (4, "holds control or direction-changing characters"),
    ]


def test_notes_of_one_kind_are_cut_short_and_counted():
    table = read_table(b"text\n" + b"=1+1\n" * 100, "x.csv")

    assert len(table.notes) == MAX_NOTES_OF_A_KIND + 1
    assert table.notes[-1].message.startswith("and 80 more cells")


def test_messages_quote_hostile_names_short_and_printable():
    problem = Problem(3, "\x1b[31m" + "x" * 500, "Mend it.")

    assert str(problem) == "Line 3, column “\\x1b[31m" + "x" * 55 + "…”: Mend it."


def test_missing_is_none_and_zero_is_zero():
    lines = b'{"a": 0, "b": null}\n{"a": NaN, "b": false}\n{"a": ""}'
    cells = [dict(row.cells) for row in read_table(lines, "x.jsonl").rows]

    assert cells == [{"a": 0, "b": None}, {"a": None, "b": False}, {"a": "", "b": None}]
    assert dict(read_table(b"a,b\n0,\n", "x.csv").rows[0].cells) == {"a": "0", "b": None}


def test_nested_cells_keep_their_shape():
    turns = [{"role": "user", "content": "Hello"}]
    for name, data in [
        ("x.jsonl", as_json_lines([{"conversation": turns}])),
        ("x.parquet", as_parquet([{"conversation": turns}])),
    ]:
        assert read_table(data, name).rows[0]["conversation"] == turns


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": Infinity}', "Infinity is not a JSON number"),
        (b'{"a": 1e999}', "Infinity is not a value"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a": 1} trailing', "not valid JSON"),
        (b"{a: 1}", "not valid JSON"),
        (b'{"a": 1}\n[1, 2]', "not an object"),
        (b'[{"a": 1} {"a": 2}]', "a comma or the closing ]"),
        (b'[{"a": 1}] and more', "more after the end"),
    ],
)
def test_json_that_cannot_be_kept_says_why(data, words):
    assert words in problems_of(data, "upload")[0].message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"SQLite format 3\x00", "SQLite"),
        (gzip.compress(gzip.compress(b"id\n1\n", mtime=0), mtime=0), "twice"),
    ],
)
def test_other_kinds_of_file_are_named_with_what_to_do(data, words):
    assert words in problems_of(data, "x.csv")[0].message


def test_a_semicolon_file_is_read_and_noted():
    table = read_table(b"id;text\n1;a, b\n", "excel.csv")

    assert table.rows[0]["text"] == "a, b"
    assert "semicolon" in table.notes[0].message


def test_a_file_that_unpacks_to_too_much_is_refused():
    bomb = gzip.compress(b"id\n" + b"1\n" * 1_000_000, mtime=0)
    wide = as_parquet([{"text": "x" * 1000}] * 5_000)

    assert "more than 1 MB" in problems_of(bomb, "x.csv.gz", max_bytes=1_000_000)[0].message
    assert "more than 1 MB" in problems_of(wide, "x.parquet", max_bytes=1_000_000)[0].message


def test_a_path_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(TableError, match="No such file"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path)


def test_an_unknown_column_is_told_with_the_ones_that_exist():
    table = read_table(b"id,text\n1,a\n", "x.csv")
    table.check_columns(["id", "text"])

    with pytest.raises(TableError, match=r"“label”: The file has no such column\. .* “id”, “text”"):
        table.check_columns(["id", "label"])


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, None), (" ", None), (0, "0"), (1.0, "1"), (1.5, "1.5"), (True, "true"), (" a ", "a")],
)
def test_a_cell_as_key_or_label(cell, text):
    assert text_of(cell) == text


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    data=st.binary(max_size=300),
    start=st.sampled_from([b"", b"a,b\n", b"[{", b"PAR1", b"\x1f\x8b"]),
)
def test_any_bytes_give_a_table_or_a_table_error(data, start):
    problems, rows = [], ()
    try:
        rows = read_table(start + data, "upload").rows
    except TableError as error:
        problems = error.problems

    assert bool(rows) != bool(problems)
    assert all(problem.message for problem in problems)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    cells=st.lists(
        st.lists(
            st.text(
                st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1
            ),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_texts_a_csv_holds_they_come_back(cells):
    data = as_csv([{"first": a, "second": b} for a, b in cells])

    found = [[row["first"], row["second"]] for row in read_table(data, "x.csv").rows]
    assert found == cells
