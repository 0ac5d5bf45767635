"""The posterior stop rule at work: raters answer, places open until it is sure, the budget is kept."""

from collections.abc import Sequence
from datetime import timedelta
from math import log2
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotations import (
    adjudication,
    budget,
    gold,
    jobs,
    known,
    labelling,
    overlap,
    priorities,
    queue,
    routing,
    rubrics,
    worth,
)
from annotations.answers import parse_sheet
from annotations.measurement import routing as pure
from annotations.measurement.posterior import TAU
from annotations.models import (
    Annotation,
    AuditEvent,
    Case,
    Check,
    Gold,
    Job,
    Project,
    Rater,
    RaterSkill,
    RoutingModel,
    Slot,
)
from annotations.statuses import (
    Arm,
    BudgetUnit,
    CaseStatus,
    JobStatus,
    Provenance,
    RaterKind,
    SlotPurpose,
    SlotStatus,
)
from campaigns.gold_sets import settled_set
from tests.world import World, signed_in


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


@pytest.fixture
def by_posterior(world: World) -> World:
    """The world stops by posterior; simulated raters may teach it, as in the demo."""
    settings = {"rule": "posterior", "overlap": 2, "most": 5, "audit_share": 0.0}
    world.project = overlap.set_rule(world.project, by=world.lead, **settings)
    Project.objects.filter(pk=world.project.pk).update(is_demo=True)
    world.project.refresh_from_db()
    return world


def somebody(world: World, name: str) -> Rater:
    found, _ = Rater.objects.get_or_create(
        project=world.project, kind=RaterKind.SIMULATED, name=name
    )
    return Rater.objects.select_related("project").get(pk=found.pk)


def answer(world: World, case: Case, *words: str, by: Sequence[str] = (), **details: Any) -> Case:
    """One rater after another claims the case and submits the word: the way of every sheet."""
    have = case.slots.filter(status=SlotStatus.DONE).count()
    names = by or [f"simulated {have + n}" for n in range(len(words))]
    for name, word in zip(names, words, strict=True):
        rater = somebody(world, name)
        slot = queue.claim(rater, case=case)
        assert slot is not None, f"no place for {name} on {case}"
        sheet = labelling.submit(slot, rater=rater, answers=parse_sheet({"harm": word}))
        Annotation.objects.filter(pk=sheet.pk).update(**details)
    case.refresh_from_db()
    return case


def open_places(case: Case) -> int:
    return case.slots.filter(status=SlotStatus.OPEN, purpose=SlotPurpose.LABEL).count()


def settled(world: World, case: Case) -> Gold:
    return case.gold.get(criterion=world.harm.criterion, superseded_at__isnull=True)


def learn(world: World) -> RoutingModel:
    """What the job learns, without the rest of it."""
    routing.learn_project(world.project)
    return RoutingModel.objects.get(criterion=world.harm.criterion)


def work(world: World) -> Job:
    job = jobs.enqueue("route", {"project": world.project.pk}, project=world.project)
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    world.project.refresh_from_db()
    return done


def reason_of(verb: str) -> str:
    return str(AuditEvent.objects.filter(verb=verb).latest("pk").data["reason"])


# ---- asking on, and stopping


def test_two_who_agree_settle_a_case_and_how_sure_the_rule_was_is_kept(by_posterior: World) -> None:
    case = answer(by_posterior, by_posterior.make_case(), "no", "no")
    # Nothing is learnt yet: two who are right with .85, tempered, are .93 sure.
    assert open_places(case) == 1
    answer(by_posterior, case, "no")
    one = settled(by_posterior, case)
    assert (case.status, one.value, one.provenance) == (CaseStatus.SETTLED, "no", "unanimous")
    assert one.probability is not None
    assert one.probability >= 0.95
    assert "harm: no at 0.9" in reason_of("stopped by posterior")


def test_places_open_one_by_one_until_it_is_sure_and_the_dissent_stays_on_the_gold(
    by_posterior: World,
) -> None:
    case = answer(by_posterior, by_posterior.make_case(), "no", "yes")
    assert open_places(case) == 1
    assert "one more answer tells" in reason_of("raised overlap")
    answer(by_posterior, case, "no")
    assert (open_places(case), case.status) == (1, CaseStatus.LABELLING)
    answer(by_posterior, case, "no")
    one = settled(by_posterior, case)
    assert (one.provenance, one.dissent) == (Provenance.POSTERIOR, {"no": 3, "yes": 1})
    assert (one.n_raters, one.rests_on_ai, case.status) == (4, False, CaseStatus.SETTLED)


def test_five_who_differ_go_to_an_adjudicator(by_posterior: World) -> None:
    case = answer(by_posterior, by_posterior.make_case(), "no", "yes", "yes", "no", "cant_tell")
    assert (case.status, open_places(case)) == (CaseStatus.ADJUDICATION, 0)
    assert not case.gold.exists()


def test_nobody_can_tell_is_never_settled_however_sure(by_posterior: World) -> None:
    case = by_posterior.make_case()
    while (case := answer(by_posterior, case, "cant_tell")).status == CaseStatus.LABELLING:
        pass
    assert case.status == CaseStatus.ADJUDICATION
    assert not case.gold.exists()


def test_a_severe_case_needs_a_higher_bar(by_posterior: World) -> None:
    mild = answer(by_posterior, by_posterior.make_case(), "no", "no", severity=2)
    severe = answer(by_posterior, by_posterior.make_case(), "no", "no", severity=3)
    answer(by_posterior, mild, "no", severity=2)
    answer(by_posterior, severe, "no", severity=3)
    assert (mild.status, severe.status) == (CaseStatus.SETTLED, CaseStatus.LABELLING)
    assert "under 0.99" in reason_of("raised overlap")


def test_the_audit_slice_has_its_three_raters_whatever_the_rule_would_say(
    by_posterior: World,
) -> None:
    agreed = answer(
        by_posterior, by_posterior.make_case(overlap=3, is_audit=True, audit_probability=0.1),
        "no", "no", "no",
    )  # fmt: skip
    split = answer(
        by_posterior, by_posterior.make_case(overlap=3, is_audit=True, audit_probability=0.1),
        "no", "yes", "no",
    )  # fmt: skip
    assert (agreed.status, split.status) == (CaseStatus.SETTLED, CaseStatus.ADJUDICATION)
    assert agreed.slots.count() == split.slots.count() == 3
    assert settled(by_posterior, agreed).probability is None


def test_taking_an_answer_back_unsettles_what_the_rule_settled(by_posterior: World) -> None:
    case = answer(by_posterior, by_posterior.make_case(), "no", "yes", "no", "no")
    assert settled(by_posterior, case).provenance == Provenance.POSTERIOR
    labelling.undo(somebody(by_posterior, "simulated 3"))
    case.refresh_from_db()
    assert case.status == CaseStatus.LABELLING
    assert not case.gold.filter(superseded_at__isnull=True).exists()


def test_a_project_that_adapts_by_votes_does_so_still(world: World) -> None:
    settings = {"rule": "adaptive", "overlap": 2, "most": 5, "audit_share": 0.0}
    world.project = overlap.set_rule(world.project, by=world.lead, **settings)
    case = answer(world, world.make_case(), "no", "no")
    assert settled(world, case).probability is None
    assert not RoutingModel.objects.exists()


# ---- what is learnt


def audited(world: World, n: int, *, poor: str = "", share_yes: float = 0.3) -> None:
    """Cases of the audit slice, settled by three good raters; `poor` says yes to nearly all instead."""
    for number in range(n):
        word = "yes" if number < n * share_yes else "no"
        case = world.make_case(overlap=3, is_audit=True, audit_probability=0.1)
        if poor:
            said = "yes" if number % 10 else "no"
            answer(world, case, word, word, said, by=("good 1", "good 2", poor))
            if case.status == CaseStatus.ADJUDICATION:
                world.decide(world.adjudicator, case, word)
        else:
            answer(world, case, word, word, word, by=("good 1", "good 2", "good 3"))


def test_the_audit_slice_teaches_base_rates_skills_and_a_temperature(by_posterior: World) -> None:
    audited(by_posterior, 20, poor="poor")
    model = learn(by_posterior)
    assert (model.n_audit, model.words) == (20, ["yes", "no", "cant_tell"])
    assert sum(model.pi) == pytest.approx(1)
    assert model.pi[1] > model.pi[0]
    right = dict(RaterSkill.objects.values_list("rater__name", "right"))
    assert right["poor"] < 0.75 < right["good 1"]


def test_a_rater_who_is_known_to_be_poor_counts_less(by_posterior: World) -> None:
    audited(by_posterior, 20, poor="poor")
    learn(by_posterior)
    beside_good = answer(
        by_posterior, by_posterior.make_case(), "yes", "yes", by=("good 1", "good 2")
    )
    beside_poor = answer(
        by_posterior, by_posterior.make_case(), "yes", "yes", by=("good 1", "poor")
    )
    said = {}
    for case in (beside_good, beside_poor):
        knows = routing.knowledge(by_posterior.project, overlap.questions_of([case]))
        decision = knows.rule(situation := routing.situations([case], knows)[case.pk])
        said[case.pk] = decision.beliefs(situation.labelled(raters=2, most=5, severity=None))[
            "harm"
        ]
    assert said[beside_good.pk][0] > said[beside_poor.pk][0]


def test_checks_and_repeats_teach_skills_too(by_posterior: World) -> None:
    rater = somebody(by_posterior, "checked")
    for number in range(30):
        case = by_posterior.make_case()
        slot = Slot.objects.create(
            project=by_posterior.project, case=case, rubric_version=by_posterior.rubric, number=1,
            purpose=SlotPurpose.KNOWN_GOLD, assigned_to=rater,
        )  # fmt: skip
        Check.objects.create(
            slot=slot, project=by_posterior.project, case=case, rater=rater,
            rubric_version=by_posterior.rubric, expected={"harm": "yes"},
            purpose=SlotPurpose.REPEAT if number % 2 else SlotPurpose.KNOWN_GOLD,
            given={"harm": "no"}, answered_at=timezone.now(),
        )  # fmt: skip
    learn(by_posterior)
    skill = RaterSkill.objects.get(rater=rater)
    assert skill.n_known == 15
    assert skill.theta[0][0] < 0.5


def test_gold_outside_the_audit_slice_measures_no_rater(by_posterior: World) -> None:
    for _ in range(4):
        case = answer(by_posterior, by_posterior.make_case(), "no", "yes", "yes", "no", "cant_tell")
        by_posterior.decide(by_posterior.adjudicator, case, "no")
    assert learn(by_posterior).n_audit == 0
    assert not RaterSkill.objects.exists()


def test_simulated_raters_teach_no_real_project(by_posterior: World) -> None:
    audited(by_posterior, 5)
    by_posterior.project.is_demo = False
    by_posterior.project.save()
    assert learn(by_posterior).n_audit == 0


def test_other_words_of_a_question_begin_from_the_guess_again(by_posterior: World) -> None:
    audited(by_posterior, 6)
    learn(by_posterior)
    draft = rubrics.draft(by_posterior.project, by=by_posterior.lead)
    rubrics.write_criterion(draft, key="harm", name="Harmful", by=by_posterior.lead,
                            definition="Now with not applicable.", allow_not_applicable=True)  # fmt: skip
    version = rubrics.release(draft, by=by_posterior.lead)
    question = version.criteria.get()
    knows = routing.knowledge(by_posterior.project, [question])
    assert knows.models["harm"].answers.words == ("yes", "no", "cant_tell", "not_applicable")
    assert not knows.models["harm"].theta


def test_a_descriptive_question_has_no_model(by_posterior: World) -> None:
    by_posterior.harm.is_descriptive = True
    assert routing.knowledge(by_posterior.project, [by_posterior.harm]).models == {}


# ---- the AI


def ai_says(
    world: World, monkeypatch: pytest.MonkeyPatch, *, right: float, n: int = 40, needs: int = 30
) -> None:
    """The pre-labelling judge answers n cases of the audit slice before people settle them."""
    monkeypatch.setattr(
        "annotations.measurement.posterior.ai_standing.__kwdefaults__", {"needs": needs}
    )
    for number in range(n):
        word, other = ("yes", "no") if number % 2 else ("no", "yes")
        case = world.make_case(overlap=3, is_audit=True, audit_probability=0.1)
        world.judged(case, word if number < right * n else other)
        answer(world, case, word, word, word, by=("good 1", "good 2", "good 3"))
    learn(world)


def test_one_person_and_a_measured_ai_settle_a_case_and_the_gold_says_so(
    by_posterior: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ai_says(by_posterior, monkeypatch, right=0.9)
    assert RoutingModel.objects.get().ai is not None
    case = by_posterior.make_case(overlap=1)
    by_posterior.judged(case, "no")
    answer(by_posterior, case, "no", by=("good 1",))
    one = settled(by_posterior, case)
    assert (one.provenance, one.n_raters, one.rests_on_ai) == (Provenance.POSTERIOR, 1, True)
    assert one.dissent == {"no": 1}, "the AI is no voice"


def test_gold_that_rests_on_the_ai_measures_no_rater_and_teaches_no_judge(
    by_posterior: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ai_says(by_posterior, monkeypatch, right=0.9)
    case = by_posterior.make_case(overlap=1)
    by_posterior.judged(case, "no")
    answer(by_posterior, case, "no", by=("good 1",))
    found = known.known_gold(by_posterior.project, by_posterior.rubric)
    assert not found.filter(case=case).exists()
    assert case not in settled_set(by_posterior.project, by_posterior.harm).cases
    learn(by_posterior)
    assert RoutingModel.objects.get().ai_reason == "the AI is measured on 40 blind gold labels"


def test_an_ai_that_is_not_measured_adds_nothing_and_two_people_are_the_fewest(
    by_posterior: World,
) -> None:
    case = by_posterior.make_case(overlap=1)
    by_posterior.judged(case, "no", score=0.0001)
    answer(by_posterior, case, "no")
    assert (case.status, open_places(case)) == (CaseStatus.LABELLING, 1)
    assert "1 of at least 2 blind answers" in reason_of("raised overlap")


def test_an_inverted_ai_never_settles_a_case(
    by_posterior: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ai_says(by_posterior, monkeypatch, right=0.1)
    model = RoutingModel.objects.get()
    assert (model.ai, "inverted" in model.ai_reason) == (None, True)
    for word in ("yes", "no"):
        case = by_posterior.make_case(overlap=1)
        by_posterior.judged(case, word)
        answer(by_posterior, case, "no", by=("good 1",))
        assert case.status == CaseStatus.LABELLING
        assert not case.gold.exists()


def test_what_the_ai_said_after_people_had_settled_a_case_does_not_measure_it(
    by_posterior: World,
) -> None:
    audited(by_posterior, 3)
    for case in by_posterior.cases:
        by_posterior.judged(case, "no")
    assert learn(by_posterior).ai_reason.startswith("the AI has 0 of 200")


def test_another_revision_of_the_ai_counts_only_once_it_is_measured_itself(
    by_posterior: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ai_says(by_posterior, monkeypatch, right=0.9)
    case = by_posterior.make_case(overlap=1)
    by_posterior.judged(case, "no", revision="rev-2")
    answer(by_posterior, case, "no", by=("good 1",))
    assert case.status == CaseStatus.LABELLING


# ---- the budget


def set_budget(world: World, n: int | None, unit: str = BudgetUnit.LABELS) -> None:
    overlap.set_rule(
        world.project, rule="posterior", overlap=2, most=5, audit_share=0.0, budget=n,
        budget_unit=unit, by=world.lead,
    )  # fmt: skip
    world.project.refresh_from_db()


def test_a_short_budget_goes_to_the_cases_of_which_an_answer_tells_most(
    by_posterior: World,
) -> None:
    set_budget(by_posterior, 9)
    first = [by_posterior.make_case() for _ in range(4)]
    work(by_posterior)
    assert by_posterior.project.price == budget.DEAR, "four cases want more than one answer over"
    for case, words in zip(
        first, (("no", "no"), ("no", "yes"), ("no", "no"), ("yes", "yes")), strict=True
    ):
        answer(by_posterior, case, *words)
        assert (case.status, open_places(case)) == (CaseStatus.LABELLING, 0)
    assert reason_of("left waiting").endswith("less than the budget has for")
    assert set(budget.waiting_in(by_posterior.project)) == set(first)
    work(by_posterior)
    assert [open_places(case) for case in first] == [0, 1, 0, 0]
    assert by_posterior.project.price is None, "eight are given, and the last is spoken for"


def test_once_the_budget_is_spent_agreed_cases_settle_and_the_others_are_adjudicated(
    by_posterior: World,
) -> None:
    set_budget(by_posterior, 4)
    agreed, split = by_posterior.make_case(), by_posterior.make_case()
    work(by_posterior)
    answer(by_posterior, agreed, "no", "no")
    answer(by_posterior, split, "no", "yes")
    work(by_posterior)
    agreed.refresh_from_db()
    split.refresh_from_db()
    assert (agreed.status, split.status) == (CaseStatus.SETTLED, CaseStatus.ADJUDICATION)
    assert "the budget is spent" in reason_of("stopped for the budget")


def test_a_case_that_one_person_answered_waits_however_little_is_left(by_posterior: World) -> None:
    set_budget(by_posterior, 1)
    case = by_posterior.make_case(overlap=1)
    work(by_posterior)
    answer(by_posterior, case, "no")
    work(by_posterior)
    case.refresh_from_db()
    assert (case.status, open_places(case)) == (CaseStatus.LABELLING, 0)
    set_budget(by_posterior, 10)
    work(by_posterior)
    assert open_places(case) == 1


def test_without_a_budget_nothing_waits(by_posterior: World) -> None:
    case = answer(by_posterior, by_posterior.make_case(), "no", "yes")
    assert open_places(case) == 1
    work(by_posterior)
    assert by_posterior.project.price == 0


def test_a_budget_in_minutes_counts_the_time_of_sheets(by_posterior: World) -> None:
    set_budget(by_posterior, 10, BudgetUnit.MINUTES)
    case = answer(by_posterior, by_posterior.make_case(overlap=3), "no", "no", seconds=150.0)
    knows = routing.knowledge(by_posterior.project, [])
    purse = budget.purse_of(by_posterior.project, knows)
    # Five minutes are spent, and one is spoken for: the third place.
    assert purse.left == pytest.approx(4.0)
    assert open_places(case) == 1


def test_the_sweep_asks_for_the_job_when_there_is_news_and_only_where_the_rule_is_set(
    by_posterior: World,
) -> None:
    Project.objects.create(slug="other", name="Other")
    budget.sweep()
    budget.sweep()
    assert Job.objects.filter(kind="route").count() == 1
    work(by_posterior)
    Project.objects.update(routed_at=timezone.now() - timedelta(hours=1))
    budget.sweep()
    assert not Job.objects.filter(kind="route", status=JobStatus.QUEUED).exists()
    answer(by_posterior, by_posterior.make_case(), "no")
    budget.sweep()
    assert Job.objects.filter(kind="route", status=JobStatus.QUEUED).count() == 1


# ---- the order of the queue


def test_after_answers_the_open_case_comes_before_the_nearly_clear_one(by_posterior: World) -> None:
    clear = answer(by_posterior, by_posterior.make_case(overlap=3), "no", "no")
    split = answer(by_posterior, by_posterior.make_case(overlap=3), "no", "yes")
    weights = priorities.of([clear, split])
    assert weights[split.pk].priority > weights[clear.pk].priority
    work(by_posterior)
    slot = queue.claim(somebody(by_posterior, "next"))
    assert slot is not None
    assert slot.case == split


def test_of_two_open_cases_the_shorter_one_comes_first(by_posterior: World) -> None:
    for number in range(30):
        case = by_posterior.make_case(response="word " * 10 * (1 + number % 3 * 10))
        person = by_posterior.give(by_posterior.ann1, case, harm="no")
        Annotation.objects.filter(pk=person.pk).update(seconds=10.0 * (1 + number % 3 * 10))
    learn(by_posterior)
    short = answer(by_posterior, by_posterior.make_case(overlap=3), "no", "yes")
    long = answer(
        by_posterior, by_posterior.make_case(overlap=3, response="word " * 400), "no", "yes"
    )
    weights = priorities.of([short, long])
    assert weights[short.pk].priority > weights[long.pk].priority


def test_an_added_place_has_the_priority_of_what_it_tells(by_posterior: World) -> None:
    split = answer(by_posterior, by_posterior.make_case(), "no", "yes")
    clear = answer(by_posterior, by_posterior.make_case(), "no", "no")
    there = [case.slots.get(status=SlotStatus.OPEN) for case in (split, clear)]
    assert there[0].priority > there[1].priority
    assert priorities.of([split])[split.pk].priority == pytest.approx(there[0].priority)
    assert there[0].blind_only


# ---- the order of disputes


def test_disputes_are_ranked_by_severity_doubt_and_what_they_unlock(world: World) -> None:
    plain = world.disagree(world.make_case("plain"))
    severe = world.disagree(world.make_case("severe"))
    Annotation.objects.filter(case=severe).update(severity=4)
    gap = world.disagree(world.make_case("gap"))
    Annotation.objects.filter(case=gap, rater=world.rater(world.ann1)).update(gap=True)
    one, other = (world.disagree(world.make_case(family="family")) for _ in range(2))
    order = [str(case) for case in adjudication.waiting(world.project)]
    assert order == ["severe", "gap", str(one), str(other), "plain"]
    assert plain in adjudication.waiting(world.project)


def test_the_database_ranks_by_the_formula_that_is_written_down(world: World) -> None:
    cases = [world.disagree(world.make_case(family=f"f{n % 2}")) for n in range(3)]
    Annotation.objects.filter(case=cases[0]).update(severity=1, gap=True)
    RaterSkill.objects.create(criterion=world.harm.criterion, rater=world.rater(world.ann1),
                              theta=[], right=0.6, n_known=9)  # fmt: skip
    odds = [(x / (1 - x)) ** TAU for x in (0.6, 0.85)]
    p = [one / (sum(odds) + 1) for one in (*odds, 1)]
    for case in adjudication.waiting(world.project):
        dispute = worth.dispute_of(case)
        assert dispute.uncertainty == pytest.approx(-sum(x * log2(x) for x in p))
        assert vars(case)["worth"] == pytest.approx(pure.worth(dispute))


def test_what_nobody_could_tell_is_wide_open(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case, harm="cant_tell")
    world.give(world.ann2, case, harm="cant_tell")
    assert worth.dispute_of(adjudication.waiting(world.project).get()).uncertainty == 1


def test_the_list_says_why_and_not_what_severity_others_saw(client: Client, world: World) -> None:
    case = world.disagree(world.make_case())
    Annotation.objects.filter(case=case).update(severity=4, gap=True)
    seen = signed_in(client, world.adjudicator).get(f"/p/{world.project.slug}/adjudicate/")
    words = seen.content.decode()
    assert "a gap in the guideline, say 2 raters" in words
    assert "severity 4" not in words
    answer = client.get(f"/api/v1/projects/{world.project.slug}/adjudications/").json()
    assert "a gap in the guideline" in answer["results"][0]["reason"]
    assert "severity" not in answer["results"][0]["reason"]


# ---- what leads set and see


def page(world: World, path: str = "") -> str:
    return f"/p/{world.project.slug}/queue/{path}"


def api(world: World) -> str:
    return f"/api/v1/projects/{world.project.slug}/queue/rule/"


def test_a_lead_chooses_the_rule_and_the_budget_on_the_board(client: Client, world: World) -> None:
    lead = signed_in(client, world.lead)
    sent = {"rule": "posterior", "overlap": "2", "most": "5", "audit": "10", "budget": "500",
            "unit": "minutes"}  # fmt: skip
    assert lead.post(page(world, "rule/"), sent).status_code == 302
    world.project.refresh_from_db()
    assert overlap.rule_of(world.project) == overlap.POSTERIOR
    assert (world.project.budget, world.project.budget_unit) == (500, "minutes")
    assert AuditEvent.objects.get(verb="set overlap rule").data["budget"] == 500
    words = lead.get(page(world)).content.decode()
    assert "adaptive, by posterior" in words
    for wrong in ({"budget": "-1"}, {"budget": "many"}, {"unit": "euros"}):
        assert lead.post(page(world, "rule/"), sent | wrong).status_code == 422


def test_the_board_and_the_api_show_what_was_learnt(client: Client, by_posterior: World) -> None:
    audited(by_posterior, 8, poor="poor")
    set_budget(by_posterior, 30)
    learn(by_posterior)
    lead = signed_in(client, by_posterior.lead)
    words = lead.get(page(by_posterior)).content.decode()
    assert "there is no AI that pre-labels" in words
    assert "6 of 30 labels left" in words
    told = lead.get(api(by_posterior)).json()
    assert (told["rule"], told["learnt"][0]["n_audit"]) == ("posterior", 8)
    assert told["learnt"][0]["ai_counts"] is False
    sent = {"rule": "fixed", "overlap": 2, "most": 3, "audit_share": 0.1}
    assert lead.put(api(by_posterior), sent, content_type="application/json").status_code == 200
    by_posterior.project.refresh_from_db()
    assert overlap.rule_of(by_posterior.project) == overlap.FIXED


def test_nobody_but_leads_sets_or_sees_the_rule(client: Client, world: World) -> None:
    for user in (world.ann1, world.adjudicator, world.viewer, world.stranger):
        there = signed_in(client, user)
        assert there.get(api(world)).status_code in (403, 404)
        sent = {"rule": "posterior", "overlap": 2, "most": 3, "audit_share": 0.1}
        assert there.put(api(world), sent, content_type="application/json").status_code in (
            403,
            404,
        )
    world.project.refresh_from_db()
    assert overlap.rule_of(world.project) == overlap.FIXED


def test_settling_again_changes_nothing_that_the_rule_has_settled(by_posterior: World) -> None:
    case = answer(by_posterior, by_posterior.make_case(), "no", "yes", "no", "no")
    gold.settle([case])
    case.refresh_from_db()
    assert case.status == CaseStatus.SETTLED
    assert case.gold.count() == 1


def test_answers_with_help_by_the_ai_are_no_evidence(by_posterior: World) -> None:
    case = by_posterior.make_case()
    answer(by_posterior, case, "no")
    Annotation.objects.filter(case=case).update(arm=Arm.EVIDENCE)
    answer(by_posterior, case, "no")
    assert (case.status, open_places(case)) == (CaseStatus.LABELLING, 1)
