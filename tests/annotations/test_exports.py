"""Every export format, by being listed; and what spreadsheets and hashes ask of them."""

import csv
import hashlib
import io
import json
from typing import Any

import pytest

from annotations import releases
from annotations.errors import BadInput
from annotations.exports import FORMATS, ExportFormat, records
from annotations.exports.csv_file import BOM, COLUMNS, cell, is_formula
from annotations.models import Case, Gold, ReleaseItem
from tests.world import World

EVERY = pytest.mark.parametrize("chosen", FORMATS.values(), ids=list(FORMATS))
HOSTILE = {
    "formula": '=HYPERLINK("http://example.org","x")',
    "tags": "<script>alert(1)</script>",
    "control": "bell \x07 and escape \x1b[2J",
    "lines": "one\r\ntwo\nthree\rfour, \"five\"; 'six'",
    "unseen": "right\u202eto left, \u200b=1+1",
    "emoji": "paper hat 🎩",
}


def rows_of(chosen: ExportFormat, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records as another program reads them back."""
    text = b"".join(chosen.write(found)).decode("utf-8-sig")
    if chosen.suffix == "ndjson":
        return [json.loads(line) for line in text.split("\n") if line]
    csv.field_size_limit(10_000_000)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def record(**changes: Any) -> dict[str, Any]:
    return {
        "case": "hat-1", "family": "hats", "context": "", "strata": {"target": "t1"},
        "conversation": [{"role": "user", "content": "How?"}], "response": "Fold.",
        "content_hash": "0" * 64, "criterion": "harm", "rubric_version": 1, "answer": "no",
        "status": "answered", "positive": False, "provenance": "unanimous", "cause": None,
        "n_raters": 2, "dissent": {"no": 2}, "simulated_raters": False,
        "simulated_response": True, **changes,
    }  # fmt: skip


@EVERY
def test_a_row_a_record_in_order(chosen: ExportFormat) -> None:
    found = rows_of(chosen, [record(case=f"hat-{n}") for n in range(450)])
    assert [row["case"] for row in found] == [f"hat-{n}" for n in range(450)]


@EVERY
def test_every_record_says_provenance_and_what_is_simulated(chosen: ExportFormat) -> None:
    row = rows_of(chosen, [record(simulated_raters=True)])[0]
    said = (row["provenance"], row["simulated_raters"], row["simulated_response"])
    assert said in {("unanimous", True, True), ("unanimous", "true", "true")}


@EVERY
def test_writing_is_lazy(chosen: ExportFormat) -> None:
    taken = 0

    def endless() -> Any:
        nonlocal taken
        while True:
            taken += 1
            yield record()

    chunks = chosen.write(endless())
    for _ in range(3):
        next(chunks)
    assert 0 < taken <= 600


@EVERY
@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_text_is_kept_as_data(chosen: ExportFormat, text: str) -> None:
    turns = [{"role": "user", "content": text}]
    row = rows_of(chosen, [record(response=text, conversation=turns)])[0]
    assert row["response"].removeprefix("'") == text
    kept = row["conversation"]
    assert (json.loads(kept) if isinstance(kept, str) else kept) == turns


@EVERY
def test_no_records_is_an_empty_file_not_an_error(chosen: ExportFormat) -> None:
    assert rows_of(chosen, []) == []


@EVERY
def test_a_nul_never_leaves_the_house(chosen: ExportFormat) -> None:
    data = b"".join(chosen.write([record(response="a\x00b")]))
    assert b"\x00" not in data
    assert b"a\\u0000b" in data


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1+1", "＋1", "－1", "＠x", "﹣1",
     " =1+1", "\u200b=1+1", "\ufeff=1+1", "\u00a0@x"],
)  # fmt: skip
def test_what_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "a=1", "yes", "1-2", "'=1", "“=1”", "{}", "0"])
def test_other_text_is_left_alone(text: str) -> None:
    assert not is_formula(text)
    assert cell(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (False, "false"), (2, "2"), ({"no": 2, "a": 1}, '{"a":1,"no":2}')],
)
def test_values_that_are_no_text_have_one_form(value: object, text: str) -> None:
    assert cell(value) == text


def test_only_the_excel_form_begins_with_a_byte_order_mark() -> None:
    starts = {name: b"".join(f.write([record()])).startswith(BOM) for name, f in FORMATS.items()}
    assert starts == {"ndjson": False, "csv": False, "csv-bom": True}


def test_the_csv_has_a_column_for_everything_in_a_record(world: World) -> None:
    world.settle(world.make_case(), harm="no")
    assert sorted(COLUMNS) == sorted(releases.record_of(Gold.objects.get()))


def test_the_ndjson_of_a_release_has_the_hash_of_the_release(world: World) -> None:
    for number, text in enumerate(HOSTILE.values()):
        world.settle(
            world.make_case(f"hat {number} é", response=text, strata={"z": "1", "a": "ü"}),
            harm="yes" if number % 2 else "no",
        )
    release = releases.release(world.project, by=world.lead)
    data = b"".join(FORMATS["ndjson"].write(records.released_records(release)))
    assert hashlib.sha256(data).hexdigest() == release.sha256
    assert data.count(b"\n") == release.n_items == len(HOSTILE)


def test_the_current_gold_is_what_a_release_would_hold(world: World) -> None:
    for name in ("b", "a", "c"):
        world.settle(world.make_case(name), harm="no")
    release = releases.release(world.project, by=world.lead)
    frozen = [item.record for item in ReleaseItem.objects.filter(release=release)]
    assert list(records.current_records(world.project)) == frozen


def test_a_release_stays_as_it_was_when_gold_moves_on(world: World) -> None:
    world.settle(world.make_case("first"), harm="no")
    release = releases.release(world.project, by=world.lead)
    world.settle(world.make_case("second"), harm="yes")
    assert [one["case"] for one in records.released_records(release)] == ["first"]
    assert Case.objects.count() == len(list(records.current_records(world.project))) == 2


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"“xlsx” is no format: use ndjson, csv, csv-bom\."):
        records.format_named("xlsx")
