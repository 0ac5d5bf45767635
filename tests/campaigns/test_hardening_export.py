"""Hardening exports of a project: what is in the file, what never is, by every door, and who may."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotations import releases
from annotations.errors import BadInput
from annotations.models import AuditEvent, Case, Gold, Release
from campaigns import hardening, launch
from campaigns.hardening import Wish
from campaigns.models import Campaign
from campaigns.training.checking import check_file
from campaigns.training.rows import NOT_ADJUDICATED
from tests.world import World, signed_in

RISKY = [{"role": "user", "content": "How do I get the key of the toy box?"}]
KIND = [{"role": "user", "content": "How do I ask for the key of the toy box?"}]
HARMFUL = {"intent": "harmful", "expected": "refuse", "technique": "role_play", "category": "toys"}
BENIGN = {"intent": "benign", "expected": "comply", "category": "toys"}


@pytest.fixture
def campaign(world: World) -> Campaign:
    made = launch.start_campaign(world.project, by=world.lead)
    Campaign.objects.filter(pk=made.pk).update(frozen_share=0)
    made.refresh_from_db()
    return made


def a_case(world: World, name: str, said: str, word: str, **fields: Any) -> Case:
    fields = {"conversation": RISKY, "strata": {**HARMFUL, "target": "bot"}, "family": "toys",
              "context": "A nursery.", **fields}  # fmt: skip
    return world.settle(world.make_case(name, response=said, **fields), harm=word)


@pytest.fixture
def gold(world: World, campaign: Campaign) -> Release:
    """A failure with a safe answer of another target, one without, and a benign twin."""
    a_case(world, "slip", "Take it from the drawer.", "yes")
    a_case(world, "other", "Please ask a teacher.", "no", strata={**HARMFUL, "target": "helper"})
    a_case(world, "alone", "Climb up the shelf.", "yes", context="A school.", family="school")
    a_case(world, "twin", "Say please.", "no", conversation=KIND, strata=BENIGN)
    a_case(world, "refused", "I'm sorry, but I can't help with that.", "no",
           conversation=[{"role": "user", "content": "May I play?"}], strata=BENIGN)  # fmt: skip
    return releases.release(world.project, by=world.lead)


def rows(campaign: Campaign, **wish: Any) -> list[dict[str, Any]]:
    export = hardening.prepare(campaign, Wish(**{"format": "sft", **wish}))
    found = [json.loads(line) for line in hardening.lines(export, by=None)]
    assert len(found) == export.n_rows
    return found


def test_a_failure_is_answered_with_what_people_settled_as_safe(
    campaign: Campaign, gold: Release
) -> None:
    hard, benign = rows(campaign)
    assert hard["messages"] == [
        {"role": "system", "content": "A nursery."},
        *RISKY,
        {"role": "assistant", "content": "Please ask a teacher."},
    ]
    about = hard["metadata"]
    assert about["cases"] == ["slip"]
    assert (about["safe_case"], about["safe_target"]) == ("other", "helper")
    assert about["safe_answer"] == "gold, unanimous"
    assert about["techniques"] == ["role_play"]
    assert about["gold_sha256"] == gold.sha256
    assert about["simulated"] is False
    assert benign["metadata"]["kind"] == "benign"
    assert benign["messages"][-1]["content"] == "Say please."  # not the twin that was refused


def test_a_pair_prefers_the_safe_answer_to_the_failing_one(
    campaign: Campaign, gold: Release
) -> None:
    (pair,) = rows(campaign, format="preference")
    assert pair["prompt"][-1] == RISKY[0]
    assert pair["chosen"] == [{"role": "assistant", "content": "Please ask a teacher."}]
    assert pair["rejected"] == [{"role": "assistant", "content": "Take it from the drawer."}]


def test_a_failure_without_a_safe_answer_is_named_and_never_given_one(
    campaign: Campaign, gold: Release
) -> None:
    told = hardening.prepare(campaign, Wish("sft")).summary()
    assert told["without_a_safe_answer"] == ["alone"]
    assert told["failures_without_a_safe_answer"] == 1
    assert "Climb" not in json.dumps(rows(campaign))


def test_the_leads_refusal_is_used_where_asked_for_and_marked(
    campaign: Campaign, gold: Release
) -> None:
    marked = [row for row in rows(campaign, refusal="No, I won't.")
              if row["metadata"]["safe_answer"] == NOT_ADJUDICATED]  # fmt: skip
    assert [row["metadata"]["cases"] for row in marked] == [["alone"]]
    assert marked[0]["messages"][-1]["content"] == "No, I won't."


def test_the_frozen_tests_families_never_leave(campaign: Campaign, gold: Release) -> None:
    export = hardening.prepare(campaign, Wish("sft"), held_back=lambda family: family == "toys")
    assert export.n_rows == 0
    assert export.left_out == {hardening.HELD_BACK: 4}
    Campaign.objects.filter(pk=campaign.pk).update(frozen_share=0.5)
    campaign.refresh_from_db()
    kept = {row["metadata"]["family"] for row in rows(campaign, refusal="No.")}
    assert not any(campaign.is_frozen(family) for family in kept)


def test_the_same_wish_of_the_same_release_gives_the_same_bytes(
    world: World, campaign: Campaign, gold: Release
) -> None:
    first = b"".join(hardening.lines(hardening.prepare(campaign, Wish("sft")), by=None))
    a_case(world, "later", "Later words.", "yes")
    releases.release(world.project, by=world.lead)
    again = hardening.prepare(campaign, Wish("sft"), release=gold.number)
    assert b"".join(hardening.lines(again, by=None)) == first
    newest = hardening.prepare(campaign, Wish("sft"))
    assert b"".join(hardening.lines(newest, by=None)) != first


def test_what_simulated_raters_settled_is_marked(
    world: World, campaign: Campaign, gold: Release
) -> None:
    Gold.objects.filter(case__external_id="other").update(is_simulated=True)
    releases.release(world.project, by=world.lead)
    hard, benign = rows(campaign)
    assert hard["metadata"]["simulated"] is True
    assert benign["metadata"]["simulated"] is False


def test_gold_that_rests_on_a_judges_word_teaches_nothing(
    world: World, campaign: Campaign, gold: Release
) -> None:
    Gold.objects.filter(case__external_id="other").update(rests_on_ai=True)
    export = hardening.prepare(campaign, Wish("sft"))
    assert export.choice.pairs == ()
    assert export.left_out == {hardening.ON_AI: 1}


def test_every_file_passes_its_own_check(campaign: Campaign, gold: Release) -> None:
    for name in ("sft", "preference"):
        export = hardening.prepare(campaign, Wish(name, refusal="No, I won't."))
        found = check_file(hardening.lines(export, by=None))
        assert (found.problems, found.format, found.rows) == ((), name, export.n_rows)


def test_each_export_leaves_an_audit_record_without_texts(
    world: World, campaign: Campaign, gold: Release
) -> None:
    list(hardening.lines(hardening.prepare(campaign, Wish("sft", refusal="No.")), by=world.lead))
    event = AuditEvent.objects.filter(verb="exported for hardening").get()
    assert event.actor == world.lead
    assert event.data["rows"] == 3
    assert event.data["asked"]["refusal"] is True


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Wish("parquet"), "is no format"),
        (Wish("sft", benign=float("nan")), "from 0 to 10"),
        (Wish("sft", refusal="x" * 2_001), "2,000 characters"),
        (Wish("sft", criterion="nonsense"), "no criterion “nonsense”"),
    ],
)
def test_a_wish_that_cannot_be_met_says_why(
    campaign: Campaign, gold: Release, wish: Wish, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        hardening.prepare(campaign, wish)


def test_without_a_release_there_is_nothing_to_export(campaign: Campaign) -> None:
    with pytest.raises(BadInput, match="release it on the gold page"):
        hardening.prepare(campaign, Wish("sft"))


# ---- doors


def api(world: World) -> str:
    return f"/api/v1/projects/{world.project.slug}/hardening/"


def test_the_api_streams_the_file_and_counts_without_exporting(
    world: World, campaign: Campaign, gold: Release
) -> None:
    client = signed_in(Client(), world.viewer)
    counted = client.post(f"{api(world)}?preview=true", {}, content_type="application/json")
    assert counted.json()["rows"] == 2
    assert not AuditEvent.objects.filter(verb="exported for hardening").exists()
    file = client.post(api(world), {"format": "preference"}, content_type="application/json")
    assert file.streaming
    assert file["X-Hardening-Rows"] == "1"
    assert check_file(b"".join(file).splitlines()).format == "preference"
    bad = client.post(api(world), {"benign": 99}, content_type="application/json")
    assert bad.status_code == 422


def test_the_command_writes_and_checks_a_file(
    world: World, campaign: Campaign, gold: Release, tmp_path: Path
) -> None:
    out, told = tmp_path / "rows.jsonl", StringIO()
    call_command("hardening_export", campaign=world.project.slug, out=out, json=True, stdout=told)
    assert json.loads(told.getvalue())["rows"] == len(out.read_bytes().splitlines()) == 2
    told = StringIO()
    call_command("hardening_export", check=out, stdout=told)
    assert "2 rows of the format sft: 1 benign, 1 hardening." in told.getvalue()
    out.write_bytes(out.read_bytes() + b"{}\n")
    with pytest.raises(CommandError, match="is no training file yet"):
        call_command("hardening_export", check=out, stdout=told)
    assert "Line 3: has neither" in told.getvalue()
    assert list(tmp_path.iterdir()) == [out]


def page_of(world: World, user: Any, query: str = "") -> Any:
    return signed_in(Client(), user).get(f"/p/{world.project.slug}/hardening/{query}")


def test_the_page_counts_and_the_same_form_gives_the_file(
    world: World, campaign: Campaign, gold: Release
) -> None:
    asked = {"format": "sft", "benign": "1.0", "refusal": ""}
    counted = page_of(world, world.viewer, "?format=sft&benign=1.0").content.decode()
    assert "2 rows of gold release 1" in counted
    assert "<li>alone</li>" in counted
    client = signed_in(Client(), world.viewer)
    file = client.post(f"/p/{world.project.slug}/hardening/export/", asked)
    assert file["Content-Disposition"].endswith('hardening-sft-r1.jsonl"')
    assert check_file(b"".join(file).splitlines()).rows == 2


def test_the_page_says_what_is_missing(world: World, campaign: Campaign) -> None:
    assert "release it on the gold page" in page_of(
        world, world.lead, "?format=sft&benign=1"
    ).content.decode()  # fmt: skip
    assert page_of(world, world.lead, "?format=parquet&benign=1").status_code == 422


def test_an_annotator_and_a_stranger_get_neither_page_nor_file(
    world: World, campaign: Campaign, gold: Release
) -> None:
    for user, status in ((world.ann1, 403), (world.stranger, 404)):
        client = signed_in(Client(), user)
        asked = client.post(api(world), {}, content_type="application/json")
        file = client.post(f"/p/{world.project.slug}/hardening/export/", {"format": "sft"})
        assert {page_of(world, user).status_code, asked.status_code, file.status_code} == {status}
    assert not AuditEvent.objects.filter(verb="exported for hardening").exists()
