"""Where a round stands, for the campaign page: the loop as a picture and the findings in words."""

from typing import Any

from django.urls import reverse

from annotations.charts import LoopStep, loop_picture
from annotations.models import Job, Slot
from annotations.statuses import CaseStatus, JobStatus, Owner, SlotStatus
from campaigns.models import Round
from campaigns.statuses import OWNER, Step

ORDER: list[Step] = [step for step in Step if step is not Step.CLOSED]
PAGES = {
    Step.DRAFT: "rubric",
    Step.LABEL: "label",
    Step.AGREE: "agreement",
    Step.ADJUDICATE: "adjudicate",
    Step.CALIBRATE: "judges",
}


def steps_of(round_: Round, *, job: Job | None) -> list[LoopStep]:
    """The eight steps with their state and a few words on each."""
    stopped = job is not None and job.status == JobStatus.FAILED
    here = ORDER.index(Step(round_.status)) if round_.status != Step.CLOSED else len(ORDER)
    slug = round_.campaign.project.slug
    found = []
    for number, step in enumerate(ORDER):
        state = "done" if number < here else "todo"
        if number == here:
            state = "blocked" if stopped else "current"
        owner = OWNER[step]
        if round_.simulated_raters and owner in (Owner.ANNOTATORS, Owner.ADJUDICATOR):
            words = f"simulated {'raters' if owner == Owner.ANNOTATORS else 'adjudicator'}"
        else:
            words = str(owner)
        found.append(
            LoopStep(
                key=str(step),
                label=step.capitalize(),
                owner=words,
                state=state,  # type: ignore[arg-type]  # one of the four words, by construction
                detail=detail(round_, step),
                href=reverse(PAGES[step], args=[slug]) if step in PAGES else "",
            )
        )
    return found


def pictures(round_: Round, *, job: Job | None) -> dict[str, str]:
    """The wide and the compact drawing."""
    steps = steps_of(round_, job=job)
    title = f"Round {round_.number} of {round_.campaign.project.name}"
    return {
        "wide": loop_picture(steps, title=title),
        "compact": loop_picture(steps, title=title, compact=True),
    }


def detail(round_: Round, step: Step) -> str:
    """How far a step is, in a few words; empty before it has begun."""
    found: dict[str, Any] = round_.findings.get(str(step), {})
    if step is Step.DRAFT:
        return f"rubric {round_.rubric_version}" if round_.rubric_version else "not begun"
    if step is Step.GENERATE:
        if round_.is_imported:
            return "imported"
        return f"{found['cases']} cases, {found['folded']} folded" if found else ""
    if step is Step.ASSIGN:
        return f"{found['slots']} slots" if found else ""
    if step is Step.LABEL:
        return _labelled(round_)
    if step is Step.AGREE:
        return _alpha(found)
    if step is Step.ADJUDICATE:
        waiting = round_.cases.filter(status=CaseStatus.ADJUDICATION).count()
        return f"{waiting} waiting" if waiting else ""
    if step is Step.CALIBRATE:
        return _evasion(found)
    return f"{found['parents']} seeds" if found.get("parents") else ""


def _labelled(round_: Round) -> str:
    slots = Slot.objects.filter(case__in=round_.cases.values("pk"))
    total = slots.count()
    return f"{slots.filter(status=SlotStatus.DONE).count()} of {total} sheets" if total else ""


def _alpha(found: dict[str, Any]) -> str:
    alphas = list(found.get("alpha", {}).values())
    if not alphas:
        return ""
    value = alphas[0]["value"]
    return "alpha undefined" if value is None else f"alpha {value:.2f}"


def _evasion(found: dict[str, Any]) -> str:
    if found.get("problem"):
        return "not calibrated"
    evasion = found.get("evasion")
    if not evasion or evasion["value"] is None:
        return ""
    return f"evasion {evasion['value']:.0%}"
