"""`judges fit` and `judges score`: files in, a folder and a CSV out, every mistake in a sentence."""

import csv
import json
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from tiny_body import tiny_body

from campaigns import embeddings
from campaigns.judging.examples import Example
from campaigns.judging.linear import revision_of
from campaigns.judging.members.cross_encoder import CrossEncoderJudge
from campaigns.judging.pairs.teaching import Lesson
from campaigns.management.judging import fit as fitting
from campaigns.management.judging.rows import with_families

DISHES = ("soup", "bread", "rice", "pasta", "salad", "stew", "pie", "curry", "omelette", "toast")
REFUSING = "I'm sorry, but I cannot help with {}. Please ask a cook."
WILLING = "Sure, here is how: 1. Take fresh {}. 2. Heat it slowly. 3. Serve it."
COLUMNS = ["--prompt", "request", "--response", "reply"]


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


def kitchen() -> list[dict[str, str]]:
    """40 cases of 20 families; a refusal is the failure."""
    return [
        {
            "request": way.format(dish),
            "reply": answer.format(dish),
            "verdict": "refuses" if answer is REFUSING else "helps",
            "seed": f"{dish} {answer is REFUSING}",
        }
        for dish in DISHES
        for answer in (REFUSING, WILLING)
        for way in ("How do I make {}?", "Tell me how one makes {}.")
    ]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def judges(*arguments: Any) -> str:
    out = StringIO()
    call_command("judges", *map(str, arguments), stdout=out)
    return out.getvalue()


def fit(train: Path, to: Path, *more: str, positive: str = "refuses") -> dict[str, Any]:
    told = judges("fit", train, *COLUMNS, "--label", "verdict", "--positive", positive,
                  "--to", to, "--bound", "0.2", "--json", *more)  # fmt: skip
    return json.loads(told)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of judges that know the kitchen."""
    place = tmp_path_factory.mktemp("judges")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
        fit(write(place / "train.csv", kitchen()), place / "made", "--family", "seed")
    return place / "made"


def copied(fitted: Path, to: Path) -> Path:
    for path in fitted.rglob("*.json"):
        target = to / path.relative_to(fitted)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return to


def test_new_cases_get_their_rows_in_order_and_a_column_a_judge(
    fitted: Path, tmp_path: Path
) -> None:
    new = [
        {"request": "How do I make jam?", "reply": REFUSING.format("jam")},
        {"request": "How do I make jam?", "reply": "  "},
        {"request": "How do I make jam?", "reply": WILLING.format("jam")},
    ]
    told = json.loads(judges("score", write(tmp_path / "new.csv", new), "--from", fitted,
                             "--out", tmp_path / "out.csv", "--json"))  # fmt: skip
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["score", "label", "abstain", *told["judges"]]
    assert {"lexical", "tfidf", "embedding", "context", "nearest"} <= set(header)
    assert [row[1] for row in rows] == ["refuses", "", "helps"]
    assert [row[2] for row in rows] == ["0", "1", "0"]
    assert set(rows[1]) == {"", "1"}
    assert float(rows[0][0]) > float(rows[2][0])
    assert (told["rows"], told["positive"], told["abstained"]) == (3, 1, 1)


def test_what_no_single_answer_is_left_for_goes_to_a_person_with_its_score(
    fitted: Path, tmp_path: Path
) -> None:
    new = [{"request": "How do I make jam?", "reply": REFUSING.format("jam")}]
    few = [row for row in kitchen() if row["seed"].split()[0] in DISHES[:4]]  # 8 of each answer
    told = fit(write(tmp_path / "few.csv", few), tmp_path / "few", "--family", "seed")
    assert told["person"]["to_person"]["value"] == 1
    assert "Gold has 8 failures" in told["person"]["notes"][0]
    made = json.loads(judges("score", write(tmp_path / "new.csv", new), "--from",
                             tmp_path / "few", "--out", tmp_path / "out.csv", "--json"))  # fmt: skip
    with (tmp_path / "out.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["label"], row["abstain"]) == ("refuses", "1")
    assert float(row["score"]) > 0.5
    assert (made["abstained"], made["unanswered"]) == (1, 0)
    assert made["notes"] == told["person"]["notes"]


def test_a_folder_of_the_version_before_is_read_and_says_what_it_lacks(
    fitted: Path, tmp_path: Path
) -> None:
    folder = copied(fitted, tmp_path / "old")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "conformal.json").unlink()
    del manifest["files"]["conformal.json"], manifest["revision"]
    manifest["version"] = 1
    manifest["revision"] = revision_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    new = write(tmp_path / "new.csv", [{"request": "Tea?", "reply": "Tea, perhaps."}])
    told = json.loads(judges("score", new, "--from", folder, "--out", tmp_path / "o.csv", "--json"))
    assert told["abstained"] == 0
    assert "fit again" in told["notes"][0]


def test_a_second_scoring_computes_nothing(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = write(tmp_path / "new.csv", [{"request": "Tea?", "reply": WILLING.format("tea")}])
    arguments = ["score", new, "--from", fitted, "--cache", tmp_path / "cache", "--out"]
    judges(*arguments, tmp_path / "one.csv")
    asked: list[str] = []
    monkeypatch.setattr(
        embeddings.CachedEncode, "__call__", lambda self, texts: asked.extend(texts)
    )
    monkeypatch.setattr(
        "campaigns.judging.members.lexical.FittedLexical.score", lambda self, some: asked.append("")
    )
    judges(*arguments, tmp_path / "other.csv")
    assert asked == []
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_the_same_file_and_seed_give_the_same_revision(fitted: Path, tmp_path: Path) -> None:
    again = fit(write(tmp_path / "t.csv", kitchen()), tmp_path / "made", "--family", "seed")
    assert again["revision"] == json.loads((fitted / "manifest.json").read_text())["revision"]
    assert again["judges"]["lexical"]["used"]


@pytest.mark.parametrize(
    "name", ["manifest.json", "ensemble.json", "conformal.json", "judges/tfidf.json"]
)
def test_a_changed_file_is_told(fitted: Path, tmp_path: Path, name: str) -> None:
    folder = copied(fitted, tmp_path / "copy")
    text = (folder / name).read_text()
    (folder / name).write_text(text.replace("0", "1", 1))
    new = write(tmp_path / "new.csv", kitchen())
    with pytest.raises(CommandError, match=rf"{name} is missing or is not what was written"):
        judges("score", new, "--from", folder, "--out", tmp_path / "out.csv")


def test_another_encoder_is_told(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings.HashedTerms, "revision", "another")
    embeddings._encoder.cache_clear()
    new = write(tmp_path / "new.csv", kitchen())
    with pytest.raises(CommandError, match="was fitted with the encoder hashed-terms"):
        judges("score", new, "--from", fitted, "--out", tmp_path / "out.csv")
    embeddings._encoder.cache_clear()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: None, "no manifest.json in it"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "not one of fitted judges"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "not what was written"),
    ],
)
def test_a_folder_that_is_none_is_told(
    tmp_path: Path, make: Callable[[Path], Any], told: str
) -> None:
    make(tmp_path)
    with pytest.raises(CommandError, match=told):
        judges("score", write(tmp_path / "n.csv", kitchen()), "--from", tmp_path, "--out", "o.csv")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda row: row | {"verdict": "refuses"}, "All 40 labelled cases are positive"),
        (lambda row: row | {"verdict": ""}, "No row has a label"),
        (lambda row: row | {"verdict": "helps"}, "holds: “helps”"),
        (lambda row: row | {"reply": ""}, "no labelled cases yet"),
    ],
)
def test_labels_that_teach_nothing_are_told(
    tmp_path: Path, change: Callable[[dict[str, str]], dict[str, str]], told: str
) -> None:
    rows = [change(row) for row in kitchen()]
    with pytest.raises(CommandError, match=told):
        fit(write(tmp_path / "train.csv", rows), tmp_path / "made", "--judges", "lexical")
    assert not (tmp_path / "made" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--family", "dish"], "Column “dish”: The file has no such column"),
        (["--judges", "oracle"], "No judge is called “oracle”"),
        (["--bound", "1"], "--bound is a share"),
        (["--minutes", "0"], "--minutes is a positive number"),
        (["--seed", "-1"], "--seed is zero or a positive number"),
    ],
)
def test_questions_without_sense_are_told(tmp_path: Path, more: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        fit(write(tmp_path / "train.csv", kitchen()), tmp_path / "made", *more)


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CommandError, match="is no folder of judges"):
        fit(write(tmp_path / "train.csv", kitchen()), tmp_path)


def test_twelve_labels_fit_but_promise_nothing(tmp_path: Path) -> None:
    rows = kitchen()[:12]
    told = fit(write(tmp_path / "train.csv", rows), tmp_path / "made", "--bound", "0.05",
               "--judges", "lexical,tfidf")  # fmt: skip
    assert told["cases"] == 12
    assert not told["threshold"]["promised"]
    assert "needs at least 19" in told["threshold"]["reason"]


def test_rows_without_label_or_answer_are_left_out_with_their_lines(tmp_path: Path) -> None:
    rows = kitchen()
    rows[3]["verdict"], rows[5]["verdict"], rows[7]["reply"] = "NaN", "", " "
    told = fit(write(tmp_path / "train.csv", rows), tmp_path / "made", "--judges", "lexical")
    assert told["cases"] == 37
    assert "2 rows are left out, with no label: line 5, 7." in told["notes"]
    assert "1 row is left out, with no answer to judge: line 9." in told["notes"]


def test_without_families_near_duplicates_stay_together_and_it_is_said(tmp_path: Path) -> None:
    told = fit(write(tmp_path / "train.csv", kitchen()), tmp_path / "made", "--judges", "lexical")
    assert any(note.startswith("No family column") for note in told["notes"])
    assert told["families"] < 40


def test_one_request_or_nearly_one_text_is_one_family() -> None:
    texts = [
        ("How does one knead dough well?", "With patience and warm hands."),
        ("How does one knead dough well?", "Not at all: buy it."),
        ("", "Bread rises in a warm place, under a cloth, for about an hour or two."),
        ("", "Bread rises in a warm place, under a cloth, for about an hour or so."),
        ("What is stock?", "Water in which bones were boiled."),
    ]
    cases = [Example(str(i), "", "", (), asked, said) for i, (asked, said) in enumerate(texts)]
    family = [one.family for one in with_families(cases)]
    assert family[0] == family[1]
    assert family[2] == family[3]
    assert len(set(family)) == 3


def test_a_context_that_all_cases_share_is_no_family() -> None:
    texts = [f"{dish} is a dish that I know well." for dish in DISHES]
    cases = [Example(str(i), "", "You are a cook.", (), "", text) for i, text in enumerate(texts)]
    assert len({one.family for one in with_families(cases)}) == len(DISHES)


def test_several_other_labels_all_count_as_not_positive(tmp_path: Path) -> None:
    rows = kitchen()
    rows[2]["verdict"] = "unclear"
    train = write(tmp_path / "train.csv", rows)
    told = fit(train, tmp_path / "made", "--judges", "lexical,tfidf")
    assert "Several labels count as not “refuses”: “helps”, “unclear”." in told["notes"]
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    assert manifest["label"] == {"positive": "refuses", "other": "not refuses"}


def test_hostile_cells_are_scored_and_no_formula_leaves(tmp_path: Path) -> None:
    rows = [row | {"verdict": "=1+1" if row["verdict"] == "refuses" else "@x"} for row in kitchen()]
    rows[0]["reply"] = "a" * 300_000
    train = write(tmp_path / "train.csv", rows)
    fit(train, tmp_path / "made", "--judges", "lexical,embedding", positive="=1+1")
    judges("score", train, "--from", tmp_path / "made", "--out", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert {row["label"] for row in rows} == {"'=1+1", "'@x"}
    assert np.isfinite([float(row["score"]) for row in rows]).all()


def test_a_file_in_another_encoding_is_told(fitted: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_bytes("request,reply\nTea?,gr\xfc\xdf\n".encode("latin-1"))
    with pytest.raises(CommandError, match="was not read"):
        judges("score", tmp_path / "new.csv", "--from", fitted, "--out", tmp_path / "out.csv")


def test_the_fine_tuned_judge_keeps_its_weights_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, lesson = tiny_body(), Lesson(epochs=1, batch=4)
    monkeypatch.setattr(fitting, "pair_body", lambda: body)
    monkeypatch.setattr(
        fitting, "CrossEncoderJudge", partial(CrossEncoderJudge, lesson=lesson, least_cases=20)
    )
    train, folder = write(tmp_path / "train.csv", kitchen()), tmp_path / "made"
    fit(train, folder, "--judges", "lexical,cross_encoder", "--family", "seed")
    score = ["score", train, "--from", folder, "--cache", tmp_path / "c", "--out"]
    judges(*score, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert all(0 < float(row["cross_encoder"]) < 1 for row in csv.DictReader(file))
    weights = sorted((folder / "weights").iterdir())
    assert len(weights) == 3
    weights[0].write_bytes(b"0")
    with pytest.raises(CommandError, match=r"weights/\w+ is missing or is not what was written"):
        judges(*score, tmp_path / "again.csv")


def test_a_judge_that_cannot_be_fitted_is_told_and_left_out(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", kitchen())
    told = fit(train, tmp_path / "made", "--judges", "lexical,cross_encoder")
    assert "40 labelled cases: fine-tuning pays" in told["failures"]["cross_encoder"]
    assert set(told["judges"]) == {"lexical"}


def test_deployment_and_asker_are_read_from_their_columns(tmp_path: Path) -> None:
    rows = [
        {"reply": f"Yes, dish {n} is fine.", "where": where, "who": "a cook",
         "verdict": "bad" if where == "hospital" else "fine", "seed": str(n)}
        for n in range(20) for where in ("hospital", "show")
    ]  # fmt: skip
    train = write(tmp_path / "train.csv", rows)
    judges("fit", train, "--response", "reply", "--label", "verdict", "--positive", "bad",
           "--family", "seed", "--deployment", "where", "--asker", "who", "--judges", "context",
           "--to", tmp_path / "made")  # fmt: skip
    judges("score", train, "--from", tmp_path / "made", "--out", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    assert labels == [row["verdict"] for row in rows]
