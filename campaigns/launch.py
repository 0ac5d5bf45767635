"""Starting things: a campaign on a project, a round on imported cases, the next round."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotations import audit, jobs
from annotations.errors import BadInput, Conflict
from annotations.models import Batch, Job, Project, RubricVersion
from annotations.statuses import Owner, check_move
from campaigns import generation
from campaigns.models import Behavior, Campaign, Round, Target
from campaigns.seeds import load_behaviors
from campaigns.statuses import NEXT, OWNER, EnsembleStatus, Step, TargetKind


@transaction.atomic
def start_campaign(project: Project, *, by: User | None, **settings: Any) -> Campaign:
    """The hunt on this project, with the sandbox target and the behaviours that ship. Once."""
    existing = Campaign.objects.filter(project=project).first()
    if existing is not None:
        return existing
    campaign = Campaign.objects.create(project=project, **settings)
    Target.objects.create(campaign=campaign, name="sandbox", kind=TargetKind.SANDBOX)
    Behavior.objects.bulk_create(
        Behavior(
            campaign=campaign, key=b.key, pair=b.pair, intent=b.intent, category=b.category,
            text=b.text, context=b.context, context_dependent=b.context_dependent,
        )
        for b in load_behaviors()
    )  # fmt: skip
    audit.record("started campaign", campaign, project=project, by=by)
    return campaign


@transaction.atomic
def use_target(campaign: Campaign, *, by: User, kind: TargetKind, **fields: Any) -> Target:
    """Make this the target of the rounds to come. Earlier rounds keep theirs.

    Raises `BadInput` for one that is said to be trained from itself.
    """
    revision = fields.pop("revision", "") or "1"
    name = fields.pop("name", "") or (fields.get("model") or "sandbox")
    parent = fields.get("hardened_from")
    if parent is not None and (parent.name, parent.revision) == (name, revision):
        raise BadInput(f"{parent} can't be trained from itself: give the new one its own revision.")
    campaign.targets.update(is_active=False)
    target, _ = Target.objects.update_or_create(
        campaign=campaign, name=name, revision=revision,
        defaults={"kind": kind, "is_active": True, **fields},
    )  # fmt: skip
    audit.record("chose target", target, project=campaign.project, by=by)
    return target


@transaction.atomic
def open_round(
    campaign: Campaign, *, by: User | None, batch: Batch | None = None, size: int | None = None,
    seed: int | None = None, simulated_raters: int = 0,
) -> Round:  # fmt: skip
    """A new round in draft. With a `batch` (imported cases) there is nothing to generate."""
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    if campaign.rounds.exclude(status=Step.CLOSED).exists():
        raise Conflict("A round is open: finish it before you start another.")
    number = campaign.rounds.count() + 1
    round_ = Round.objects.create(
        campaign=campaign,
        number=number,
        seed=seed if seed is not None else campaign.seed + number - 1,
        size=size or campaign.round_size,
        batch=batch,
        is_imported=batch is not None,
        simulated_raters=simulated_raters,
        ensemble=campaign.ensembles.filter(status=EnsembleStatus.CURRENT).first(),
    )
    audit.record("opened round", round_, project=campaign.project, by=by)
    return round_


@transaction.atomic
def begin(round_: Round, *, by: User | None, rubric_version: RubricVersion | None = None) -> Job:
    """The lead's go: the round takes the released rubric and the active target, and runs."""
    locked = Round.objects.select_for_update().get(pk=round_.pk)
    if locked.status == Step.DRAFT and locked.rubric_version_id is None:
        version = rubric_version or locked.campaign.project.rubric.released
        if version is None:
            raise BadInput("Release the rubric first: raters need a question to answer.")
        locked.rubric_version = version
        if not locked.is_imported:
            locked.target = locked.campaign.targets.get(is_active=True)
        locked.save(update_fields=["rubric_version", "target"])
        audit.record("began round", locked, project=locked.campaign.project, by=by)
    return advance_later(locked, by=by)


def advance_later(round_: Round, *, by: User | None = None) -> Job:
    """Ask the worker to take the round as far as the system owns the next move."""
    return jobs.enqueue(
        "advance_round", {"round": round_.pk}, project=round_.campaign.project, by=by
    )


@transaction.atomic
def close_and_open_next(round_: Round, *, by: User | None, size: int | None = None) -> Round:
    """Close a reviewed round and open the next, which draws on its gold failures and judge errors."""
    locked = Round.objects.select_for_update().get(pk=round_.pk)
    later = locked.campaign.rounds.filter(number=locked.number + 1).first()
    if locked.status == Step.CLOSED and later is not None:
        return later  # asked twice
    if locked.status != Step.NEXT:
        raise Conflict(f"{locked} is at {locked.status}: it can be followed once it is calibrated.")
    check_move(NEXT, Step(locked.status), Step.CLOSED)
    locked.status, locked.closed_at = Step.CLOSED, timezone.now()
    locked.save(update_fields=["status", "closed_at"])
    return open_round(locked.campaign, by=by, size=size, simulated_raters=locked.simulated_raters)


def preview_of_next(round_: Round, *, show: int = 20) -> dict[str, Any]:
    """What the round after this one would draw on, and why: counts by kind and the strongest."""
    probe = Round(
        campaign=round_.campaign, number=round_.number + 1, seed=round_.seed + 1,
        rubric_version=round_.rubric_version,
        ensemble=round_.campaign.ensembles.filter(status=EnsembleStatus.CURRENT).first(),
    )  # fmt: skip
    parents = generation.parents_of(probe)
    kinds: dict[str, int] = {}
    for parent, _ in parents:
        kinds[parent.kind] = kinds.get(parent.kind, 0) + 1
    return {
        "parents": len(parents),
        "by_kind": kinds,
        "strongest": [
            {"case": case.pk, "external_id": case.external_id, "kind": p.kind, "why": p.why}
            for p, case in parents[:show]
        ],
    }


def due_rounds() -> list[Round]:
    """Rounds that wait for the system, or whose person's part may be over: the sweep looks here."""
    system = [step for step, owner in OWNER.items() if owner == Owner.SYSTEM]
    return list(
        Round.objects.filter(status__in=[*system, Step.LABEL, Step.ADJUDICATE]).select_related(
            "campaign__project"
        )
    )
