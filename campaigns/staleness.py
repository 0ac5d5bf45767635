"""Whether an ensemble is out of date: its question, its gold or its rules changed since it learnt.

A stale ensemble pre-labels no new round: it would help raters with the answers of another rubric. The
floor below knows nothing of ensembles, so changes are looked for here, on the page and by the sweep.
"""

import logging

from django.db import transaction

from annotations import audit
from annotations.models import CriterionVersion, Gold
from annotations.statuses import VerdictStatus
from campaigns import effects
from campaigns.judging.effects import judge as effects_judge
from campaigns.models import EnsembleVersion
from campaigns.statuses import EnsembleStatus

log = logging.getLogger(__name__)

WORDS = ("name", "definition", "includes", "excludes", "scale", "options")  # of a question


def changes_since(made: EnsembleVersion) -> list[str]:
    """What is not as it was when this ensemble learnt, each as a sentence; none where all is."""
    return [*_of_the_question(made), *_of_the_gold(made), *_of_the_weights(made)]


def new_gold(made: EnsembleVersion) -> int:
    """Cases settled since, which a new calibration would learn from."""
    return Gold.objects.filter(
        project=made.campaign.project, criterion=made.criterion, superseded_at__isnull=True,
        status=VerdictStatus.ANSWERED, settled_at__gt=made.gold.created_at,
    ).count()  # fmt: skip


def mark_if_stale(made: EnsembleVersion) -> bool:
    """Set the status of a current ensemble that is out of date, with an audit record."""
    changes = changes_since(made)
    if not changes:
        return False
    with transaction.atomic():
        locked = EnsembleVersion.objects.select_for_update().get(pk=made.pk)
        if locked.status != EnsembleStatus.CURRENT:
            return False
        locked.status = EnsembleStatus.STALE
        locked.save(update_fields=["status"])
        audit.record("marked ensemble stale", locked, project=made.campaign.project,
                     why=" ".join(changes))  # fmt: skip
    return True


def sweep() -> None:
    """Every current ensemble, looked at once (called with the sweep of rounds)."""
    current = EnsembleVersion.objects.filter(status=EnsembleStatus.CURRENT)
    for made in current.select_related("campaign__project__rubric", "criterion", "gold", "round"):
        if mark_if_stale(made):
            log.info("%s of %s is stale", made, made.campaign)


def _of_the_question(made: EnsembleVersion) -> list[str]:
    released = made.campaign.project.rubric.released
    learnt_from = made.gold.rubric_version
    if released is None or released.pk == learnt_from.pk:
        return []
    then = CriterionVersion.objects.filter(version=learnt_from, criterion=made.criterion).first()
    now = CriterionVersion.objects.filter(version=released, criterion=made.criterion).first()
    if now is None:
        return [f"“{made.criterion}” is no question of the rubric any more ({released})."]
    changed = [word for word in WORDS if then is None or getattr(then, word) != getattr(now, word)]
    if not changed:
        return []
    return [
        f"“{made.criterion}” reads otherwise since {released} ({', '.join(changed)}); the judges "
        f"learnt the answers to {learnt_from}."
    ]


def _of_the_gold(made: EnsembleVersion) -> list[str]:
    count = Gold.objects.filter(
        project=made.campaign.project, criterion=made.criterion,
        settled_at__lte=made.gold.created_at, superseded_at__gt=made.gold.created_at,
    ).count()  # fmt: skip
    if not count:
        return []
    return [f"{count} gold answer{'' if count == 1 else 's'} of {made.gold} changed since."]


def _of_the_weights(made: EnsembleVersion) -> list[str]:
    """The judge of effects scores by what each word weighed when it was fitted."""
    fitted = made.members.filter(rater__name=effects_judge.NAME).exclude(payload={}).first()
    if fitted is None or fitted.payload["weights"] == effects.plain(
        effects.weights_of(made.campaign)
    ):
        return []
    return ["What effects weigh was changed since; the judge of effects scores by the old weights."]
