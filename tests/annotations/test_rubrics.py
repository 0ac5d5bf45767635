"""Writing rubrics: what a draft may become, and what nobody can do to a released version."""

import pytest

from annotations import gold, rubrics
from annotations.errors import BadInput, Conflict, NotFound
from annotations.models import AuditEvent, CriterionVersion, RubricVersion
from annotations.wording import fingerprint, is_changed, word_diff
from tests.world import World


def draft_of(world: World) -> RubricVersion:
    return rubrics.draft(world.project, by=world.lead)


def reword(world: World, version: RubricVersion, **text: str) -> CriterionVersion:
    given = {"name": "Harmful", "definition": "It helps to hurt somebody.", **text}
    return rubrics.write_criterion(version, key="harm", by=world.lead, **given)


# ---- drafts


def test_a_draft_starts_as_a_copy_of_what_is_released(world: World) -> None:
    version = draft_of(world)
    copied = version.criteria.get()
    assert version.number == world.rubric.number + 1
    assert copied.content_hash == world.harm.content_hash
    assert draft_of(world) == version  # asked twice


def test_writing_in_the_draft_changes_nothing_for_raters(world: World) -> None:
    reword(world, draft_of(world))
    world.harm.refresh_from_db()
    assert world.harm.definition == "The response helps with something that hurts somebody."
    assert world.project.rubric.released == world.rubric


def test_a_released_version_takes_no_words(world: World) -> None:
    stale = draft_of(world)  # a page that was opened before the release
    rubrics.release(RubricVersion.objects.get(pk=stale.pk), by=world.lead)
    with pytest.raises(Conflict, match="immutable"):
        reword(world, stale)
    with pytest.raises(Conflict, match="immutable"):
        rubrics.write_guideline(stale, text="Other words.", by=world.lead)
    with pytest.raises(Conflict, match="immutable"):
        rubrics.remove_criterion(stale.criteria.get(), by=world.lead)
    with pytest.raises(Conflict, match="immutable"):
        rubrics.put_back(stale, key="harm", by=world.lead)


def test_words_that_somebody_wrote_meanwhile_are_not_overwritten(world: World) -> None:
    version = draft_of(world)
    seen = version.criteria.get().content_hash
    reword(world, version, includes="Written by somebody else.")
    with pytest.raises(Conflict, match="Somebody changed"):
        reword(world, version, includes="Mine.", seen=seen)
    assert version.criteria.get().includes == "Written by somebody else."


def test_a_guideline_that_somebody_wrote_meanwhile_is_not_overwritten(world: World) -> None:
    version = draft_of(world)
    rubrics.write_guideline(version, text="Theirs.", by=world.lead, seen=fingerprint(""))
    with pytest.raises(Conflict, match="Somebody changed"):
        rubrics.write_guideline(version, text="Mine.", by=world.lead, seen=fingerprint(""))
    version.refresh_from_db()
    assert version.guideline == "Theirs."


def test_a_criterion_that_was_taken_out_can_be_put_back_as_it_is_released(world: World) -> None:
    version = draft_of(world)
    reword(world, version)
    rubrics.remove_criterion(version.criteria.get(), by=world.lead)
    assert version.criteria.count() == 0
    back = rubrics.put_back(version, key="harm", by=world.lead)
    assert back.content_hash == world.harm.content_hash
    assert rubrics.put_back(version, key="harm", by=world.lead) == back  # asked twice
    with pytest.raises(NotFound):
        rubrics.put_back(version, key="never-there", by=world.lead)


def test_a_new_criterion_comes_last_also_after_one_was_taken_out(world: World) -> None:
    version = draft_of(world)
    for key in ("second", "third"):
        rubrics.write_criterion(version, key=key, name=key, by=world.lead, definition="?")
    rubrics.remove_criterion(version.criteria.get(criterion__key="second"), by=world.lead)
    rubrics.write_criterion(version, key="fourth", name="fourth", by=world.lead, definition="?")
    keys = [question.criterion.key for question in version.criteria.all()]
    assert keys == ["harm", "third", "fourth"]


def test_who_wrote_and_who_took_out_is_on_record(world: World) -> None:
    version = draft_of(world)
    reword(world, version)
    rubrics.remove_criterion(version.criteria.get(), by=world.lead)
    done = AuditEvent.objects.filter(project=world.project, actor=world.lead)
    verbs = list(done.order_by("-id").values_list("verb", flat=True)[:3])
    assert verbs == ["removed criterion", "wrote criterion", "drafted rubric"]


# ---- keys and answers


def test_a_key_is_made_from_the_name() -> None:
    found = {name: rubrics.free_key_of(name, used=set()) for name in ("Harm in context!", "Été")}
    assert found == {"Harm in context!": "harm-in-context", "Été": "ete"}


def test_names_without_latin_letters_get_different_keys() -> None:
    assert rubrics.free_key_of("危害", used=set()) == "criterion-1"
    assert rubrics.free_key_of("偏见", used={"criterion-1"}) == "criterion-2"


def test_answers_of_earlier_labels_go_on_counting_when_the_draft_renames_them(world: World) -> None:
    answers = [{"value": "violates", "label": "Violates"}, {"value": "fine", "label": "Fine"}]
    question = rubrics.write_criterion(
        draft_of(world), key="harm", name="Harmful", by=world.lead, options=answers,
        positive=["violates"], definition="?",
    )  # fmt: skip
    assert set(gold.positives(question.criterion)) == {"violates", "yes"}


def test_a_positive_answer_that_is_no_answer_is_refused(world: World) -> None:
    with pytest.raises(BadInput, match="maybe"):
        rubrics.write_criterion(
            draft_of(world), key="harm", name="Harmful", by=world.lead, positive=["maybe"]
        )


# ---- releases


def test_a_release_archives_the_version_before_and_keeps_its_note(world: World) -> None:
    released = rubrics.release(draft_of(world), by=world.lead, note="Clearer.")
    world.rubric.refresh_from_db()
    assert (released.status, released.note, released.released_by) == (
        "released", "Clearer.", world.lead,
    )  # fmt: skip
    assert world.rubric.status == "archived"


def test_an_empty_rubric_is_not_released(world: World) -> None:
    version = draft_of(world)
    rubrics.remove_criterion(version.criteria.get(), by=world.lead)
    with pytest.raises(BadInput, match="at least one criterion"):
        rubrics.release(version, by=world.lead)


def test_the_wording_is_as_old_as_its_last_change(world: World) -> None:
    second = rubrics.release(draft_of(world), by=world.lead)
    assert rubrics.worded_in(second.criteria.get()) == world.rubric
    third = draft_of(world)
    reword(world, third)
    rubrics.release(third, by=world.lead)
    fourth = rubrics.release(draft_of(world), by=world.lead)
    assert rubrics.worded_in(fourth.criteria.get()) == third


# ---- the diff


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("", "All of it is new."),
        ("All of it is gone.", ""),
        ("Warnings, refusals.", "Warnings and refusals,\nalso short ones."),
        ("same words", "same words"),
        ("<b>x</b> \u202e", "<i>x</i>\t\u202e"),
    ],
)
def test_either_text_can_be_read_out_of_the_diff(old: str, new: str) -> None:
    runs = word_diff(old, new)
    assert "".join(text for op, text in runs if op != "insert") == old
    assert "".join(text for op, text in runs if op != "delete") == new
    assert is_changed(runs) == (old != new)


def test_the_diff_marks_words_not_sentences() -> None:
    assert word_diff("It gives real help.", "It gives practical help.") == [
        ("equal", "It gives "), ("delete", "real"), ("insert", "practical"), ("equal", " help."),
    ]  # fmt: skip


def test_texts_that_are_too_long_to_compare_stand_one_after_the_other() -> None:
    old, new = "a " * 9000, "b " * 9000
    assert word_diff(old, new) == [("delete", old), ("insert", new)]
