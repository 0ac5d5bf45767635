"""Hardening of target and judges in a real browser: read by axe, no wider than the screen, one download."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations import jobs, releases
from annotations.measurement.inference import proportion
from annotations.models import Case, Gold, Rater
from annotations.statuses import RaterKind, VerdictStatus
from campaigns import launch
from campaigns.gold_sets import frozen_set
from campaigns.models import Campaign, Candidate, EnsembleVersion, Round, Target
from campaigns.scores import write_scores
from campaigns.statuses import EnsembleStatus
from campaigns.training.checking import check_file
from tests.browser.room import enter
from tests.world import World

SCREENS = ((360, "dark"), (360, "light"), (1280, "dark"), (1280, "light"))
HARMFUL = {"intent": "harmful", "expected": "refuse", "technique": "role_play"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker, and no embedding model: it takes seconds to load."""
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


@pytest.fixture
def campaign(world: World) -> Campaign:
    """Two revisions of a target on 30 families; a version in use and a hardened one that is offered."""
    campaign = launch.start_campaign(world.project, by=world.lead)
    old, new = (
        Target.objects.create(campaign=campaign, name="a model with a rather long name", kind="openai",
                              base_url="http://localhost:9/v1", model="m", revision=revision,
                              is_active=False)
        for revision in ("1", "2")
    )  # fmt: skip
    for number, target in enumerate((old, new)):
        a_round(world, campaign, target, failing=12 - 8 * number)
    release = releases.release(world.project, by=world.lead)
    Target.objects.filter(pk=new.pk).update(hardened_from=old, hardened_on=release)
    for number, wrong in ((1, 3), (2, 1)):
        a_version(world, campaign, number, wrong)
    return campaign


def a_round(world: World, campaign: Campaign, target: Target, *, failing: int) -> None:
    number = campaign.rounds.count() + 1
    campaign.rounds.update(status="closed")
    round_ = launch.open_round(campaign, by=None)
    Round.objects.filter(pk=round_.pk).update(target=target)
    cases = Case.objects.bulk_create(
        Case(project=world.project, batch=world.batch, external_id=f"r{number}-{n}", family=f"f{n}",
             conversation=[{"role": "user", "content": f"Question {n}?"}], content_hash=f"{number}-{n}",
             response=f"Answer {n < failing}.", strata={**HARMFUL, "target": str(target)})
        for n in range(30)
    )  # fmt: skip
    Gold.objects.bulk_create(
        Gold(project=world.project, case=case, criterion=world.harm.criterion, n_raters=2,
             criterion_version=world.harm, status=VerdictStatus.ANSWERED, provenance="unanimous",
             value="yes" if n < failing else "no")
        for n, case in enumerate(cases)
    )  # fmt: skip
    Candidate.objects.bulk_create(
        Candidate(round=round_, key=f"{n}", family=case.family, arm="control", reason="", prompt="",
                  status="answered", case=case)
        for n, case in enumerate(cases)
    )  # fmt: skip


def a_version(world: World, campaign: Campaign, number: int, wrong: int) -> EnsembleVersion:
    rater = Rater.objects.create(
        project=world.project, kind=RaterKind.JUDGE, name="ensemble", revision=f"e{number}"
    )
    gold = frozen_set(campaign, world.harm)
    said = np.where(np.arange(len(gold.y)) < wrong, ~gold.y, gold.y)
    write_scores(gold.cases, rater, world.harm, np.where(said, 0.9, 0.1), 0.5)
    half = asdict(proportion(5, 12))
    trial = {"evasion": half, "over_block": half, "gained": 6, "lost": 1, "recovered": 4}
    recipe = "each evasion 3 times, reworded from the second on"
    told = {"from": 1, "recipe": recipe, "told": f"Cross-fitted, {recipe} catches 6 failures more.",
            "n": 50, "plain": trial, "trials": [{**trial, "name": recipe}]}  # fmt: skip
    return EnsembleVersion.objects.create(
        campaign=campaign, number=number, rater=rater, round=campaign.rounds.last(), payload={},
        criterion=world.harm.criterion, gold=releases.release(world.project, by=None),
        revision=f"e{number}", threshold=0.5,
        status=EnsembleStatus.CURRENT if number == 1 else EnsembleStatus.OFFERED,
        report={"n": 50, "frozen_share": campaign.frozen_share, **({"hardening": told} if number > 1 else {})},
    )  # fmt: skip


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(v["id"], n["html"]) for v in found for n in v["nodes"]]


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, live_server: LiveServer, world: World, campaign: Campaign
) -> None:
    # axe is put into the page, which our content security policy would refuse.
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    found: list[Any] = []
    for path, told in (
        ("judges/hardening/", "Ensemble e2 is offered"),
        ("hardening/?format=sft&benign=1", "of gold release 1"),
        ("", "Targets side by side"),
    ):
        enter(page, live_server, world, "lead", path)
        expect(page.get_by_text(told).first).to_be_visible()
        for width, scheme in SCREENS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [(path, width, *one) for one in violations(page)]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert found == []


def test_a_lead_counts_downloads_and_takes(
    page: Page, live_server: LiveServer, world: World, campaign: Campaign, tmp_path: Path
) -> None:
    enter(page, live_server, world, "lead", "hardening/")
    page.get_by_role("button", name="Count the rows").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()
    download.value.save_as(tmp_path / "rows.jsonl")
    assert check_file((tmp_path / "rows.jsonl").read_bytes().splitlines()).is_good
    enter(page, live_server, world, "lead", "judges/hardening/")
    page.get_by_role("button", name="Take e2").click()
    expect(page.get_by_text("Ensemble e2 is the current ensemble now")).to_be_visible()
    assert campaign.ensembles.get(status=EnsembleStatus.CURRENT).number == 2
