"""The mapping of columns: written by hand, guessed from names, and what is wrong with it."""

import pytest

from annotations.importing.columns import ColumnMap, check_map, guess, parse_pair, resolve

XSTEST = [
    "id", "type", "prompt", "completion", "annotation_1", "annotation_2", "final_label",
    "strmatch_label", "gpt4_label", "model", "prompt_label", "focus", "note",
]  # fmt: skip


def test_the_columns_of_xstest_are_guessed() -> None:
    few = dict.fromkeys(XSTEST, 3)
    assert {column: role for role, column in guess(XSTEST, few).pairs} == {
        "id": "case", "type": "stratum", "prompt": "prompt", "completion": "response",
        "annotation_1": "rater", "annotation_2": "rater", "final_label": "settled",
        "strmatch_label": "judge", "gpt4_label": "judge", "model": "target",
        "prompt_label": "stratum",
    }  # fmt: skip


def test_a_column_of_many_different_values_is_guessed_to_be_nobodys_label() -> None:
    assert guess(["id", "annotator_comment"], {"annotator_comment": None}).many("rater") == ()


def test_a_conversation_is_guessed_before_a_prompt_column() -> None:
    found = guess(["messages", "prompt", "system_prompt"], {})
    assert found.pairs == (("conversation", "messages"),)


def test_words_of_other_formats_stand_for_our_roles() -> None:
    assert parse_pair("model=name") == ("target", "name")
    assert parse_pair("messages=chat=log") == ("conversation", "chat=log")


@pytest.mark.parametrize(("word", "says"), [("prompt", "write ROLE=COLUMN"), ("promt=x", "prompt")])
def test_a_wrong_mapping_says_how_to_write_it(word: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_pair(word)


def test_ids_of_several_columns_can_be_joined_by_a_comma() -> None:
    both = resolve(ColumnMap((("case", "id,model"),)), ["id", "model"])
    assert both.many("case") == ("id", "model")
    assert resolve(ColumnMap((("case", "a,b"),)), ["a,b"]).many("case") == ("a,b",)


def problems(*words: str, columns: tuple[str, ...] = ("id", "a", "b")) -> str:
    mapping = ColumnMap(tuple(parse_pair(word) for word in words))
    return "\n".join(str(problem) for problem in check_map(mapping, columns, line=1))


def test_an_unknown_column_is_told_with_those_that_there_are() -> None:
    said = problems("case=idd")
    assert "Line 1, column “idd”" in said
    assert "Did you mean “id”? It has: “id”, “a”, “b”." in said


def test_a_rater_named_twice_is_refused() -> None:
    assert "mapped twice, as rater and as rater" in problems("case=id", "rater=a", "rater=a")
    assert "mapped twice, as rater and as judge" in problems("case=id", "rater=a", "judge=a")


def test_two_columns_can_not_both_be_the_prompt() -> None:
    assert "Only one column can be the prompt" in problems("prompt=a", "prompt=b")


def test_a_file_without_texts_needs_a_case_id() -> None:
    assert "map a case id" in problems("rater=a")
    assert problems("case=id", "rater=a") == ""
