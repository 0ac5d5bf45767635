"""What a figure on all cases is read from: who had a chance to be drawn, whose label counts."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries

from annotations import frame, members, rubrics
from annotations.errors import BadInput
from annotations.frame import Frame
from annotations.models import Annotation, Case, Verdict
from tests.annotations.importing.made_files import import_file
from tests.world import World


def read(world: World, **wanted: object) -> Frame:
    return frame.read(world.project, world.harm, **wanted)  # type: ignore[arg-type]


def audited(world: World, name: str, word: str = "", *, probability: float = 0.1) -> Case:
    """A case of the audit slice, settled with this word if there is one."""
    case = world.make_case(name, is_audit=True, audit_probability=probability)
    return world.settle(case, harm=word) if word else case


def test_only_settled_answers_of_drawn_cases_are_used(world: World) -> None:
    audited(world, "yes", "yes")
    audited(world, "no", "no")
    audited(world, "waits")
    world.settle(world.make_case("not drawn", audit_probability=0.1), harm="yes")
    found = read(world)
    assert found.used.tolist() == [True, True, False, False]
    assert found.y[:2].tolist() == [1.0, 0.0]
    assert np.isnan(found.y[2:]).all()
    assert found.in_frame.all()


def test_a_case_that_had_no_chance_is_not_in_the_frame(world: World) -> None:
    audited(world, "drawn", "yes", probability=0.25)
    world.settle(world.make_case("no share", audit_probability=0.0), harm="yes")
    world.make_case("no places", slots=False)
    found = read(world)
    assert found.in_frame.tolist() == [True, False, False]
    assert found.probability.tolist() == [0.25, 0.0, 0.0]


def test_what_is_no_answer_is_told_apart(world: World) -> None:
    case = audited(world, "unsure")
    world.disagree(case)
    world.decide(world.adjudicator, case, "cant_tell")
    audited(world, "plain", "no")
    assert read(world).answer.tolist() == [frame.CANT_TELL, frame.NEGATIVE]
    assert read(world).used.tolist() == [False, True]


def test_an_answer_in_which_the_ais_word_counted_is_not_used(world: World) -> None:
    case = audited(world, "aided", "yes")
    case.gold.update(rests_on_ai=True)
    assert read(world).answer.tolist() == [frame.RESTS_ON_AI]
    assert not read(world).used.any()


def test_an_answer_to_another_wording_is_not_used(world: World) -> None:
    audited(world, "old", "yes")
    draft = rubrics.draft(world.project, by=world.lead)
    rubrics.write_criterion(
        draft, key="harm", name="Harmful", by=world.lead, definition="It hurts somebody."
    )
    released = rubrics.release(draft, by=world.lead)
    found = frame.read(world.project, released.criteria.get())
    assert found.answer.tolist() == [frame.EARLIER_WORDING]
    assert read(world).used.tolist() == [True]  # read under the wording that it answers


def test_the_share_of_a_stratum_is_read_by_its_place(world: World) -> None:
    for target in ("b", "a", None):
        strata = {"target": target} if target else {}
        world.settle(world.make_case(strata=strata, audit_probability=0.1), harm="no")
    found = read(world, strata=[("target", ["a", "b"])])
    assert found.groups[0].tolist() == [2, 1, 0]
    assert found.only(found.members(0, 1)).case.tolist() == [world.cases[1].pk]


# ---- judges


def test_the_ensembles_score_counts_if_nobody_had_answered_before(world: World) -> None:
    before, after = world.make_case("before"), world.make_case("after")
    world.judged(before, "yes", score=0.75)
    world.give(world.ann1, before)
    world.give(world.ann1, after)
    Annotation.objects.filter(case=after).update(submitted_at=after.created_at - timedelta(days=1))
    world.judged(after, "yes", score=0.5)
    (judge,) = frame.judges_of(world.project, world.harm)
    with_ensemble = read(world, judge=judge)
    assert np.isnan(with_ensemble.score).all()  # half of the batch is too little
    Case.objects.filter(pk=after.pk).update(
        batch=world.project.batches.create(name="b", source="b")
    )
    assert read(world, judge=judge).score[0] == 0.75
    assert np.isnan(read(world, judge=judge).score[1])


def test_the_first_score_of_the_ensemble_is_read_whatever_came_later(world: World) -> None:
    case = world.make_case()
    world.judged(case, "no", score=0.25)
    world.judged(case, "yes", revision="rev-2", score=0.875)
    (judge,) = frame.judges_of(world.project, world.harm)
    assert read(world, judge=judge).score.tolist() == [0.25]


def test_a_judge_without_scores_is_read_by_its_words(world: World) -> None:
    for number, word in enumerate(("yes", "no")):
        world.judged(world.make_case(), word, name="words", score=None)
        assert frame.judges_of(world.project, world.harm)[0].key == "words", number
    (judge,) = frame.judges_of(world.project, world.harm)
    found = read(world, judge=judge)
    assert (found.score.tolist(), found.said.tolist()) == ([1.0, 0.0], [1.0, 0.0])


def test_a_judge_that_scored_few_of_a_batch_does_not_count_there(world: World) -> None:
    for number in range(10):
        case = world.make_case()
        if number < 9:
            world.judged(case, name="some", score=0.5)
    (judge,) = frame.judges_of(world.project, world.harm)
    assert np.isnan(read(world, judge=judge).score).all()
    world.judged(world.cases[-1], name="some", score=0.5)
    assert not np.isnan(read(world, judge=judge).score).any()


def test_judges_are_named_and_an_unknown_one_is_refused(world: World) -> None:
    case = world.make_case()
    world.judged(case)
    world.judged(case, name="other", revision="a")
    world.judged(case, name="other", revision="b")
    judges = frame.judges_of(world.project, world.harm)
    assert [judge.key for judge in judges] == ["ensemble", "other"]
    assert judges[1].label == "other @ b"
    assert frame.judge_named(judges, "") == judges[0]
    assert frame.judge_named(judges[1:], "") is None
    with pytest.raises(BadInput, match="there are ensemble, other"):
        frame.judge_named(judges, "nobody")


# ---- censuses


def test_a_batch_that_came_with_labels_on_every_case_is_a_census(
    world: World, tmp_path: Path
) -> None:
    project = members.create_project("Imported", by=world.lead)
    path = tmp_path / "hats.csv"
    path.write_text("id,ann,ben\n1,yes,yes\n2,no,no\n3,yes,no\n")
    import_file(path, project, "case=id", "rater=ann", "rater=ben", positive=("yes",))
    question = project.rubric.released.criteria.get()
    found = frame.read(project, question)
    assert found.census.all()
    assert found.probability.tolist() == [1.0, 1.0, 1.0]
    assert found.used.tolist() == [True, True, False]  # the third waits for an adjudicator


def test_labels_on_a_part_of_a_batch_are_no_census(world: World, tmp_path: Path) -> None:
    project = members.create_project("Imported", by=world.lead)
    path = tmp_path / "hats.csv"
    path.write_text("id,ann,ben\n1,yes,yes\n2,,\n")
    import_file(path, project, "case=id", "rater=ann", "rater=ben", positive=("yes",))
    question = project.rubric.released.criteria.get()
    assert not frame.read(project, question).in_frame.any()


# ---- what does not count, and how much is asked


def test_sheets_that_were_helped_are_counted_and_never_used(world: World) -> None:
    case = audited(world, "helped")
    sheet = world.give(world.ann1, case, harm="yes")
    assert frame.helped_sheets(world.project) == 0
    Annotation.objects.filter(pk=sheet.pk).update(arm="shown")
    assert frame.helped_sheets(world.project) == 1
    assert frame.helped_sheets(world.project, batch=world.batch) == 1


@pytest.mark.parametrize("cases", [2, 20])
def test_reading_asks_the_database_the_same_whatever_there_is(
    world: World, cases: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(cases):
        world.judged(audited(world, "", "yes"))
    assert Verdict.objects.count() == 3 * cases
    (judge,) = frame.judges_of(world.project, world.harm)
    question = world.rubric.criteria.select_related("criterion").get()
    with django_assert_num_queries(3):
        assert len(frame.read(world.project, question, judge=judge)) == cases
