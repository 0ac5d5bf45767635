"""The commands of the campaigns floor, as people type them."""

import io
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotations import members
from annotations.models import Job, Project, Rater
from campaigns import demo
from campaigns.models import Campaign, Round
from campaigns.statuses import Step
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


def said(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_one_command_runs_a_whole_round_of_the_demo_with_simulated_raters() -> None:
    command = ("run_round", "--campaign", "demo", "--simulated-raters", "3", "--seed", "7")
    report = json.loads(said(*command, "--size", "80", "--json"))
    assert report["status"] == "next"
    assert report["target_is_simulated"]
    assert report["simulated_raters"] == 3
    assert report["cases"] + report["findings"]["generate"]["folded"] == report["candidates"] == 80
    assert report["findings"]["calibrate"]["ensemble"] == 1
    assert set(report["findings"]) >= {"agree", "calibrate", "next"}


def test_the_second_round_follows_the_first() -> None:
    command = ("run_round", "--campaign", "demo", "--simulated-raters", "3", "--size", "40")
    said(*command)
    second = said(*command, "--seed", "21")
    assert "demo, round 2: now at next" in second
    assert "3 simulated raters, not by people" in second
    assert Round.objects.get(number=2).seed == 21
    assert Round.objects.get(number=1).status == Step.CLOSED


def test_a_round_for_people_stops_where_they_must_label() -> None:
    report = json.loads(said("run_round", "--campaign", "demo", "--size", "10", "--json"))
    assert report["status"] == "label"
    assert not Rater.objects.filter(kind="simulated").exists()


def test_a_project_of_imported_cases_gets_a_campaign_whose_first_round_is_them(
    world: World,
) -> None:
    world.make_case(slots=False)
    report = json.loads(said("run_round", "--campaign", world.project.slug, "--json"))
    assert (report["status"], report["cases"], report["candidates"]) == ("label", 1, 0)
    assert Campaign.objects.get().rounds.get().is_imported


def test_a_project_without_a_rubric_says_what_to_do() -> None:
    members.create_project("Bare", by=None)
    with pytest.raises(CommandError, match="Release the rubric first"):
        said("run_round", "--campaign", "bare")


def test_an_unknown_project_is_answered_with_those_that_there_are() -> None:
    demo.load()
    with pytest.raises(CommandError, match=r"no project “dmeo”\. There are: demo"):
        said("run_round", "--campaign", "dmeo")


def test_loading_the_demo_twice_gives_it_once_and_prints_its_sign_ins() -> None:
    first = said("load_demo")
    assert said("load_demo") == first
    assert f"lead / {demo.PASSWORD}" in first
    assert Project.objects.filter(is_demo=True).count() == 2
    assert User.objects.count() == len(demo.USERS)
    assert Job.objects.filter(kind="run_example").count() == 1


def test_the_example_runs_a_simulated_round_and_opens_one_for_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "EXAMPLE_SIZE", 60)
    monkeypatch.setattr(demo, "PEOPLES_SIZE", 6)
    campaign = demo.load_example()
    job = Job.objects.get(kind="run_example")
    assert demo.jobs.run_here(job).status == "done"
    first, second = campaign.rounds.order_by("number")
    assert (first.status, first.simulated_raters) == (Step.CLOSED, 3)
    assert (second.simulated_raters, second.size, second.rubric_version_id) == (
        0, 6, first.rubric_version_id,
    )  # fmt: skip
    assert Job.objects.filter(kind="advance_round", arguments={"round": second.pk}).exists()


def test_the_state_diagram_is_printed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "docs" / "architecture.md"
    page.parent.mkdir()
    page.write_text("# A\n<!-- states:begin -->\nold\n<!-- states:end -->\n", encoding="utf-8")
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    printed = said("show_states")
    assert "calibrate --> next" in printed
    assert "old" in page.read_text(encoding="utf-8")
    said("show_states", "--write")
    assert page.read_text(encoding="utf-8").strip() == printed.strip()
