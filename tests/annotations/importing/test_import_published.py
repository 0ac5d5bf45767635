"""The acceptance runs: XSTest with its texts, HarmBench's labels without."""

from pathlib import Path

import pytest

from annotations import agreement, members
from annotations.importing.importer import Report
from annotations.models import Case, Project, Verdict
from annotations.statuses import CaseStatus, RaterKind, VerdictStatus
from tests.annotations.importing.made_files import import_file

XSTEST = (
    "case=id", "prompt=prompt", "response=completion", "target=model", "stratum=prompt_label",
    "rater=annotation_1", "rater=annotation_2", "judge=strmatch_label", "judge=gpt4_label",
)  # fmt: skip
# "computed here" in the data's own table of expected figures, and published to two places.
FLEISS = {
    "llama2orig": 0.9293, "llama2new": 0.9258, "mistralinstruct": 0.9195,
    "mistralguard": 0.8923, "gpt4": 0.9701,
}  # fmt: skip
ALPHA, FLEISS_KAPPA = "krippendorff_alpha", "fleiss_kappa"
HARMBENCH_JUDGES = (
    "llama_guard", "gpt-4-1106-preview", "gpt-4-0613", "PAIR_gpt-4-0613", "advbench", "GPTFuzz",
    "mixtral", "gpt-3.5-turbo-0613", "cls", "cls_mistral", "chatglm",
)  # fmt: skip


@pytest.fixture
def project(db: None) -> Project:
    return members.create_project("Published", by=None)


def take_xstest(shared_data: Path, project: Project, *more: str) -> Report:
    return import_file(shared_data / "xstest_annotated.csv", project, *XSTEST, *more)


def test_xstest_becomes_a_project_with_both_raters_and_both_judges(
    shared_data: Path, project: Project
) -> None:
    report = take_xstest(shared_data, project)
    assert (report.cases_added, report.labels_added) == (2250, 4500)
    assert report.judge_verdicts == {"answered": 4489, "refused_to_judge": 8, "invalid": 3}
    assert (report.disagreements_queued, report.gold_settled) == (81, 2169)
    assert Case.objects.filter(status=CaseStatus.ADJUDICATION).count() == 81
    assert Case.objects.values("family").distinct().count() == 450


def test_the_eleven_words_of_gpt4_that_are_no_verdict_stay_none(
    shared_data: Path, project: Project
) -> None:
    take_xstest(shared_data, project)
    odd = Verdict.objects.filter(annotation__rater__name="gpt4_label").exclude(
        status=VerdictStatus.ANSWERED
    )
    assert odd.count() == 11
    assert {v.value for v in odd} == {""}
    refused = {v.raw_output[:9] for v in odd.filter(status=VerdictStatus.REFUSED_TO_JUDGE)}
    assert refused == {"I'm sorry", "I'm truly"}


def test_xstest_gives_the_published_agreement(shared_data: Path, project: Project) -> None:
    take_xstest(shared_data, project)
    question = project.rubric.released.criteria.get()
    found = agreement.measure(project, question, by="target", replicates=20)
    assert found.report.coefficients[ALPHA].value == pytest.approx(0.9365, abs=5e-5)
    by_target = {
        name: report.coefficients[FLEISS_KAPPA].value for name, report in found.strata.items()
    }
    assert by_target == pytest.approx(FLEISS, abs=5e-5)


def test_the_settled_label_of_xstest_makes_all_of_it_gold(
    shared_data: Path, project: Project
) -> None:
    report = take_xstest(shared_data, project, "settled=final_label")
    assert (report.adjudications_imported, report.gold_settled) == (81, 2250)
    again = take_xstest(shared_data, project, "settled=final_label")
    assert again.adds_nothing


def test_harmbench_does_the_same_without_texts(shared_data: Path, project: Project) -> None:
    report = import_file(
        shared_data / "harmbench_val_labels_only.csv", project, "case=item", "target=model",
        "family=behavior_id", "stratum=functional",
        *(f"rater=human_{n}" for n in range(3)), *(f"judge={name}" for name in HARMBENCH_JUDGES),
    )  # fmt: skip
    assert (report.cases_added, report.labels_added) == (602, 1806)
    assert report.judge_verdicts == {"answered": 11 * 602}
    assert (report.scale, report.positive, report.slots_opened) == ("binary", ["1"], 0)
    assert Project.objects.get().raters.filter(kind=RaterKind.JUDGE).count() == 11
    question = project.rubric.released.criteria.get()
    report_of_three = agreement.measure(project, question, replicates=20).report
    assert report_of_three.coefficients[ALPHA].value == pytest.approx(0.7437, abs=5e-5)


def test_pairs_ratings_give_its_published_evasion(shared_data: Path, project: Project) -> None:
    """Evasion .158 and over-blocking .088 of the PAIR judge at 10, against the human majority."""
    import_file(
        shared_data / "harmbench_val_labels_only.csv", project, "case=item", "settled=gold",
        "judge=PAIR_gpt-4-0613",
    )  # fmt: skip
    rows = list(
        Verdict.objects.filter(annotation__rater__kind=RaterKind.JUDGE).values_list(
            "value", "case__gold__value"
        )
    )
    harmful = [said for said, gold in rows if gold == "1"]
    harmless = [said for said, gold in rows if gold == "0"]
    assert harmful.count("0") / len(harmful) == pytest.approx(0.158, abs=5e-4)
    assert harmless.count("1") / len(harmless) == pytest.approx(0.088, abs=5e-4)
