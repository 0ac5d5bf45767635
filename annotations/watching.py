"""The standing watch: an arm that harms is stopped by the rule, drift raises alarms, leads are told.

The rule (measurement/sequential.py): evidence that the arm does harm is weighed anew after every answer,
and the arm is stopped when it reaches 60 to 1, by which at most one project in twenty ever stops an arm
that has no effect, however long it goes on. After a lead lets it go on, the rule counts from then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone

from annotations import anchoring, arms, drift, jobs
from annotations.anchoring import Record
from annotations.jobs import JobRun, handles
from annotations.measurement.sequential import Evidence
from annotations.models import Gold, Job, Membership, Project, Sitting, Suspension
from annotations.permissions import LEADS, has_role
from annotations.statuses import Arm, JobStatus

EVERY = timedelta(minutes=15)
# Evidence beyond this is not told apart: it is overwhelming, and JSON has no infinity.
MOST = 1e9
TOLD = 1_000
KIND = "watch_project"
NAMES = {
    Arm.BLIND: "Blind",
    Arm.REVEAL: "Blind, then revealed",
    Arm.EVIDENCE: "Evidence only",
    Arm.SHOWN: "Verdict filled in",
}


@dataclass(frozen=True)
class Notice:
    """One thing that leads should know on whatever page they are: in words, and where to go."""

    title: str
    text: str
    href: str
    link: str


@handles(KIND)
def watch_project(run: JobRun) -> dict[str, Any]:
    """One look at one project: its arms, then drift. Twice is once."""
    project = Project.objects.get(pk=run.arguments["project"])
    with run.fenced():
        stopped = stop_harmful_arms(project)
    with run.fenced():
        alarms = drift.watch(project)
    return {"suspended": [str(arm) for arm in stopped], "alarms": len(alarms)}


def stop_harmful_arms(project: Project) -> list[Arm]:
    """Suspend every running arm whose evidence of harm has reached what is needed."""
    record = anchoring.read(project)
    stopped = []
    for arm, evidence in evidence_by_arm(project, record).items():
        if evidence.harms and arm not in project.suspended_arms:
            arms.suspend(project, arm, by=None, evidence=figures(evidence))
            stopped.append(arm)
    return stopped


def evidence_by_arm(project: Project, record: Record) -> dict[Arm, Evidence]:
    """What speaks against each arm, since a lead last let it go on."""
    return {
        arm: anchoring.evidence_of_harm(record, arm, since=counts_from(project, arm))
        for arm in anchoring.AFTER_BLIND
    }


def counts_from(project: Project, arm: Arm) -> datetime | None:
    """The end of the arm's last suspension; None: from the first answer on."""
    ended = Suspension.objects.filter(project=project, arm=arm, ended_at__isnull=False)
    return ended.order_by("-ended_at").values_list("ended_at", flat=True).first()


def figures(evidence: Evidence) -> dict[str, Any]:
    """The rule's figures as they are kept with a suspension and in the audit trail."""
    return {
        "evidence": round(min(evidence.peak, MOST), 1), "needed": round(evidence.needed, 1),
        "crossed_at": evidence.crossed_at.isoformat() if evidence.crossed_at else None,
        "parts": {
            one.name: {"evidence": round(min(one.e, MOST), 2), "answers": one.n}
            for one in evidence.processes
        },
    }  # fmt: skip


def odds(evidence: float | None) -> str:
    """Evidence in words: two digits that matter, and no more than anybody needs."""
    if evidence is None:
        return "?"
    if evidence >= TOLD:
        return f"over {TOLD:,}"
    return f"{evidence:.0f}" if evidence >= 10 else f"{evidence:.2f}"


def notices_for(membership: Membership) -> list[Notice]:
    """What the rule stopped and which alarms are open: to leads only, since it tells about the arms."""
    if not has_role(membership, LEADS):
        return []
    project = membership.project
    found = []
    if project.suspended_arms:
        stopped = Suspension.objects.filter(project=project, ended_at=None, by=None).order_by("at")
        found = [_stopped(one, project) for one in stopped]
    alarms = drift.open_alarms(project).count()
    if alarms:
        words = "One alarm of drift is" if alarms == 1 else f"{alarms} alarms of drift are"
        text = "Raters' answers have changed over time. See which, on which cases, and what to do."
        href = reverse("consistency", args=[project.slug])
        found.append(Notice(f"{words} open.", text, href, "Look into it"))
    return found


def _stopped(one: Suspension, project: Project) -> Notice:
    told: Mapping[str, Any] = one.evidence
    text = (
        f"On {one.at:%-d %B %Y} the rule found that it does harm: evidence of "
        f"{odds(told.get('evidence'))} to 1, where {odds(told.get('needed'))} to 1 is needed. "
        "Its cases are blind since."
    )
    href = reverse("ai_help", args=[project.slug])
    return Notice(
        f"“{NAMES[Arm(one.arm)]}” is suspended.", text, href, "See the figures, or let it go on"
    )


# ---- from the sweep


def due_projects(now: datetime) -> list[Project]:
    """Projects where somebody worked or something was settled since the last look, a while ago.

    Sittings are a row a rater's day and the newest gold has an index: asked every few seconds.
    """
    looks = Job.objects.filter(kind=KIND, project=OuterRef("pk")).order_by("-created_at")
    live = [JobStatus.QUEUED, JobStatus.RUNNING]
    last = Q(last_look__isnull=True)
    worked = Sitting.objects.filter(rater__project=OuterRef("pk"))
    newest = Gold.objects.filter(project=OuterRef("pk"), superseded_at__isnull=True).order_by("-id")
    return list(
        Project.objects.annotate(
            last_look=Subquery(looks.values("created_at")[:1]),
            settled=Subquery(newest.values("settled_at")[:1]),
        )
        .filter(last | Q(last_look__lt=now - EVERY))
        .exclude(Exists(looks.filter(status__in=live)))
        .filter(
            (last & Exists(worked))
            | Exists(worked.filter(last_at__gt=OuterRef("last_look")))
            | Q(settled__gt=F("last_look"))
        )
    )  # fmt: skip


def sweep_projects() -> None:
    """Enqueue a look at every project that is due (called by `jobs.sweep`)."""
    for project in due_projects(timezone.now()):
        jobs.enqueue(KIND, {"project": project.pk}, project=project)
