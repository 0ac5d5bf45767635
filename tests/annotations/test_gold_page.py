"""The gold page: what is settled, rates with intervals, releasing, downloading."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from annotations import members, rates, strata
from annotations.measurement.inference import proportion
from annotations.models import AuditEvent, Gold, Release
from annotations.statuses import Provenance
from tests.annotations.importing.made_files import import_file
from tests.world import World, signed_in


def address(world: World, name: str = "gold", *more: str) -> str:
    return reverse(name, args=[world.project.slug, *more])


def page(client: Client, world: World, who: str = "lead", **query: str) -> str:
    signed_in(client, getattr(world, who))
    answer = client.get(address(world), query)
    assert answer.status_code == 200
    return answer.content.decode()


def settle_ten(world: World) -> None:
    """Six safe prompts, of which two are answered "yes"; four unsafe ones, all "yes"."""
    for number in range(10):
        label = "safe" if number < 6 else "unsafe"
        made = world.make_case(strata={"prompt_label": label, "target": f"t{number % 2}"})
        world.settle(made, harm="no" if number < 4 else "yes")


def test_with_nothing_settled_it_says_what_to_do(client: Client, world: World) -> None:
    text = page(client, world)
    assert "Nothing is settled yet" in text
    assert 'action="/p/small-world/gold/release/"' not in text


def test_rates_by_a_stratum_have_wilsons_interval_and_n(client: Client, world: World) -> None:
    settle_ten(world)
    text = page(client, world, by="prompt_label")
    row = text.split('<th scope="row">safe</th>')[1].split("</tr>")[0]
    # Wilson (1927) for 2 of 6: 9.7 % to 70.0 %, as R's binom.confint gives it.
    assert '<span class="value">33.3%</span> <span class="interval">[9.7%, 70.0%]</span>' in row
    assert "n&nbsp;=&nbsp;6" in row


def test_two_strata_make_a_row_for_each_pair(world: World) -> None:
    settle_ten(world)
    found = rates.answer_rates(
        world.project, world.harm.criterion, answers=["yes", "no"], by=["prompt_label", "target"]
    )
    assert [(group.label, group.positive.n) for group in found] == [
        ("safe · t0", 3), ("safe · t1", 3), ("unsafe · t0", 2), ("unsafe · t1", 2),
    ]  # fmt: skip
    assert found[0].answers["yes"] == proportion(1, 3)


def test_gold_that_says_not_applicable_is_in_no_share(world: World) -> None:
    world.add_severity()
    severity = world.rubric.criteria.get(criterion__key="severity").criterion
    world.settle(world.make_case(), harm="no", severity="not_applicable")
    world.settle(world.make_case(), harm="yes", severity="2")
    (all_cases,) = rates.answer_rates(world.project, severity, answers=["0", "1", "2"])
    assert (all_cases.no_answer, all_cases.answers["2"]) == (1, proportion(1, 1))


def test_strata_with_too_many_values_are_not_offered(world: World) -> None:
    for number in range(strata.MAX_VALUES + 1):
        world.make_case(slots=False, strata={"seed": str(number), "half": "guided"})
    assert strata.names(world.project) == ["half"]
    assert len(strata.values_of(world.project)["seed"]) == strata.MAX_VALUES + 1


def test_the_table_filters_and_pages(client: Client, world: World) -> None:
    settle_ten(world)
    world.disagree(world.make_case("waits"))
    assert page(client, world, answer="yes").count('<th scope="row"><a href="/p/') == 6
    assert "waits" not in page(client, world)
    assert "No settled answer fits" in page(client, world, provenance="imported")
    part = client.get(address(world), {"q": "case-1"}, headers={"HX-Request": "true"})
    assert part.content.strip().startswith(b'<div id="table">')
    assert part.content.count(b'<th scope="row">') == 2


@pytest.mark.parametrize("junk", ["\x00", "<script>", "%", "9" * 300, "'; --"])
def test_filters_of_any_kind_are_only_words(client: Client, world: World, junk: str) -> None:
    settle_ten(world)
    text = page(client, world, q=junk, on=junk, answer=junk, provenance=junk, page=junk, by=junk)
    assert "<script>" not in text


def test_gold_of_simulated_raters_is_said_to_be_so(client: Client, world: World) -> None:
    settle_ten(world)
    Gold.objects.filter(case=world.cases[0]).update(is_simulated=True)
    text = page(client, world)
    assert "1 of 10 answers were settled with simulated raters" in text
    assert page(client, world, simulated="yes").count('<th scope="row"><a href="/p/') == 1


def test_a_lead_releases_once_and_everybody_reads_the_hash(client: Client, world: World) -> None:
    settle_ten(world)
    signed_in(client, world.lead)
    for _ in range(2):
        client.post(address(world, "gold_release"), {"note": "For the paper."})
    made = Release.objects.get()
    assert (made.number, made.n_items, made.note) == (1, 10, "For the paper.")
    text = page(client, world, "viewer")
    assert made.sha256 in text
    assert f"{address(world)[:-5]}gold/release/" not in text
    download = reverse("api_release_download", args=[world.project.slug, 1])
    for kind in ("ndjson", "csv", "csv-bom"):
        assert f'href="{download}?as={kind}"' in text
        assert client.get(download, {"as": kind}).status_code == 200
    assert "Authorization: Token" in text


def test_releasing_nothing_says_so(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    answer = client.post(address(world, "gold_release"), follow=True)
    assert b"No case is settled yet" in answer.content
    assert not Release.objects.exists()


def test_what_counts_as_positive_is_the_leads_choice(client: Client, world: World) -> None:
    settle_ten(world)
    signed_in(client, world.lead)
    client.post(address(world, "gold_positive", "harm"), {"positive": ["no"]})
    world.harm.criterion.refresh_from_db()
    assert world.harm.criterion.positive == ["no"]
    assert AuditEvent.objects.filter(verb="set positive answers", actor=world.lead).exists()
    (all_cases,) = rates.answer_rates(world.project, world.harm.criterion, answers=["yes", "no"])
    assert all_cases.positive == proportion(4, 10)


def test_an_answer_that_is_none_can_not_be_positive(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    answer = client.post(address(world, "gold_positive", "harm"), {"positive": ["maybe"]})
    assert answer.status_code == 422
    assert client.post(address(world, "gold_positive", "nothing")).status_code == 404


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_only_leads_release_and_choose(client: Client, world: World, who: str) -> None:
    settle_ten(world)
    signed_in(client, getattr(world, who))
    assert client.post(address(world, "gold_release")).status_code == 403
    assert client.post(address(world, "gold_positive", "harm")).status_code == 403
    assert client.get(address(world)).status_code == (403 if who == "ann1" else 200)
    assert not Release.objects.exists()


def test_every_provenance_is_counted_also_at_nought(world: World) -> None:
    settle_ten(world)
    counts = rates.provenance_counts(world.project)
    assert counts == {
        Provenance.UNANIMOUS: 10, Provenance.ADJUDICATED: 0, Provenance.IMPORTED: 0,
        Provenance.POSTERIOR: 0,
    }  # fmt: skip


def test_xstest_shows_the_published_over_refusal(
    client: Client, world: World, shared_data: Path
) -> None:
    project = members.create_project("XSTest", by=world.lead)
    import_file(
        shared_data / "xstest_annotated.csv", project, "case=id", "prompt=prompt",
        "response=completion", "target=model", "stratum=prompt_label", "rater=annotation_1",
        "rater=annotation_2", "settled=final_label",
    )  # fmt: skip
    signed_in(client, world.lead)
    text = client.get(
        reverse("gold", args=[project.slug]), {"by": "target", "and": "prompt_label"}
    ).content.decode()
    row = text.split('<th scope="row">llama2orig · safe</th>')[1].split("</tr>")[0]
    # Roettger et al. (2024), table 2: Llama 2 (original) on 250 safe prompts.
    assert '<span class="value">38.0%</span>' in row
    assert '<span class="value">21.6%</span>' in row
    assert "n&nbsp;=&nbsp;250" in row
