"""A classifier from a folder: its labels are checked on gold, and nothing is ever downloaded."""

import csv
import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from small_gold import case, cooking_gold

from campaigns.judging.errors import CannotFit
from campaigns.judging.linear import Floats
from campaigns.judging.members.hub_classifier import (
    Classifier,
    HubClassifierJudge,
    load_classifier,
)
from campaigns.judging.members.hub_labels import (
    check_names,
    check_polarity,
    guard_answer,
    positive_by_name,
)

Change = Callable[..., Path]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("safe", ("safe", ())),
        ("\n\nunsafe\nS1,S9", ("unsafe", ("S1", "S9"))),
        ("unsafe", ("unsafe", ())),
        ("unsafe\nS2, S14\n", ("unsafe", ("S2", "S14"))),
        ("UNSAFE", None),
        ("Safe", None),
        ("not unsafe", None),
        ("This is safe.", None),
        ("safe\nS1", None),
        ("safe\nunsafe", None),
        ("", None),
    ],
)
def test_a_guards_answer_is_read_by_its_first_line_case_and_all(
    text: str, read: tuple[str, tuple[str, ...]] | None
) -> None:
    assert guard_answer(text) == read


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        (["safe", "unsafe"], 1), (["toxic", "neutral"], 0), (["Non_Toxic", "x"], 1),
        (["LABEL_0", "LABEL_1"], None), (["joy", "anger"], None), (["toxic", "hate"], None),
    ],
)  # fmt: skip
def test_names_are_only_a_first_guess(labels: list[str], index: int | None) -> None:
    assert positive_by_name(labels) == index


def scores_for(y: np.ndarray, *, column: int) -> Floats:
    p = np.where(y, 0.8, 0.2) + np.linspace(-0.1, 0.1, len(y))
    return np.column_stack([p, 1 - p] if column == 0 else [1 - p, p])


Y = np.arange(20) % 2 == 0


def test_inverted_labels_are_told_and_gold_is_followed() -> None:
    found = check_polarity(["safe", "unsafe"], scores_for(Y, column=0), Y)
    assert found.positive == 0
    assert "inverted: by its name unsafe is the bad one, but on gold it is safe" in found.notes[0]


def test_honest_labels_need_no_note() -> None:
    found = check_polarity(["safe", "unsafe"], scores_for(Y, column=1), Y)
    assert (found.positive, found.notes) == (1, ())


def test_labels_of_another_question_and_too_little_gold_are_refused() -> None:
    flat = np.column_stack([np.tile([0.4, 0.4, 0.6, 0.6], 5), np.tile([0.6, 0.6, 0.4, 0.4], 5)])
    with pytest.raises(CannotFit, match="answers another question"):
        check_polarity(["joy", "anger"], flat, Y)
    with pytest.raises(CannotFit, match="there are 2 of one"):
        check_polarity(["safe", "unsafe"], scores_for(Y, column=1), np.arange(20) < 2)


def test_missing_and_doubled_names_are_told() -> None:
    assert check_names({0: "a", 1: "b"}, 2) == (["a", "b"], [])
    names, notes = check_names({0: "safe"}, 3)
    assert names == ["safe", "LABEL_1", "LABEL_2"]
    assert "names 1 labels, but the model has 3 outputs" in notes[0]
    assert any("one name" in note for note in check_names({0: "x", 1: "x"}, 2)[1])


def test_few_labels_calibrate_somebody_elses_score() -> None:
    examples, y = cooking_gold()
    classifier = Classifier(
        ("safe", "unsafe"),
        lambda pairs: np.array([[0.4, 0.6] if "sorry" in a else [0.6, 0.4] for _, a in pairs]),
        "r1",
    )
    judge = HubClassifierJudge(classifier)
    fitted = judge.fit(examples[:24], y[:24], seed=0)
    scores = fitted.score([*examples, case("")])
    assert (scores[:-1] > 0.5).tolist() == y.tolist()
    assert np.isnan(scores[-1])
    restored = judge.restore(json.loads(json.dumps(fitted.as_json())))
    assert restored.revision == fitted.revision
    other = HubClassifierJudge(Classifier(("safe", "unsafe"), classifier.classify, "r2"))
    with pytest.raises(ValueError, match="calibrate again"):
        other.restore(fitted.as_json())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of a few kilobytes with two labels, written by the library itself."""
    transformers = pytest.importorskip("transformers", reason="the extra “embeddings” is not there")
    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij", "sorry", "sure", "soup"]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=512, id2label={0: "safe", 1: "unsafe"},
        label2id={"safe": 0, "unsafe": 1},
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture
def changed(tiny: Path, tmp_path: Path) -> Change:
    """A copy of the folder with some keys of its config changed (None takes one out)."""

    def change(**keys: object) -> Path:
        copy = tmp_path / "copy"
        shutil.copytree(tiny, copy)
        config = {**json.loads((copy / "config.json").read_text()), **keys}
        kept = {name: value for name, value in config.items() if value is not None}
        (copy / "config.json").write_text(json.dumps(kept))
        return copy

    return change


def test_a_folder_gives_probabilities_for_its_labels(tiny: Path) -> None:
    found = load_classifier(str(tiny))
    assert (found.labels, found.notes) == (("safe", "unsafe"), ())
    rows = found.classify([("a b", "sorry"), ("", "sure soup"), ("x", "y " * 5000)])
    np.testing.assert_allclose(rows.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.classify([("a b", "sorry")]), rows[:1], atol=1e-5)
    assert load_classifier(str(tiny)).revision == found.revision


def test_a_folder_without_label_names_is_told_and_is_another_revision(
    tiny: Path, changed: Change
) -> None:
    nameless = load_classifier(str(changed(id2label=None, label2id=None)))
    assert nameless.labels == ("LABEL_0", "LABEL_1")
    assert "have no names" in nameless.notes[0]
    assert nameless.revision != load_classifier(str(tiny)).revision


def test_a_folder_that_lies_about_its_weights_is_refused(changed: Change) -> None:
    with pytest.raises(CannotFit, match="gives no sequence classifier here"):
        load_classifier(str(changed(hidden_size=16)))


def test_a_name_that_is_not_here_is_not_fetched(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(CannotFit, match="Name a folder with config"):
        load_classifier(str(tmp_path / "nothing"))
    with pytest.raises(CannotFit, match="gives no sequence classifier here"):
        load_classifier("nobody/no-such-model")


def test_a_file_is_judged_by_a_classifier_beside_the_others_and_scored_again(
    tiny: Path, changed: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
    examples, y = cooking_gold()
    train = tmp_path / "train.csv"
    with train.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["reply", "bad", "seed"])
        writer.writerows([one.response, int(bad), one.family]
                         for one, bad in zip(examples, y, strict=True))  # fmt: skip
    elsewhere = changed()
    told = judges("fit", train, "--response", "reply", "--label", "bad", "--positive", "1",
                  "--family", "seed", "--judges", "lexical", "--classifier", elsewhere,
                  "--to", tmp_path / "made", "--json")  # fmt: skip
    assert "classifier" in told
    judges("score", train, "--from", tmp_path / "made", "--out", tmp_path / "a.csv")
    assert "classifier" in (tmp_path / "a.csv").read_text().splitlines()[0]
    (elsewhere / "config.json").unlink()
    with pytest.raises(CommandError, match="gives no sequence classifier here"):
        judges("score", train, "--from", tmp_path / "made", "--out", tmp_path / "b.csv",
               "--cache", tmp_path / "other")  # fmt: skip
    with pytest.raises(CommandError, match="gives no sequence classifier here"):
        judges("fit", train, "--response", "reply", "--label", "bad", "--positive", "1",
               "--classifier", elsewhere, "--to", tmp_path / "none")  # fmt: skip


def judges(*arguments: object) -> str:
    out = StringIO()
    call_command("judges", *map(str, arguments), stdout=out)
    return out.getvalue()
