"""Where a question stands on a case: open, waiting for a second adjudicator, in dispute, or decided.

From severity 3 on one decision is not enough: a second adjudicator must come to the same, without
knowing the first. Where they differ a third, or an owner, decides. Where nobody else could second a
decision, it counts alone, and the page says so.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Exists, OuterRef, QuerySet

from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    Gold,
    Membership,
    Opinion,
    Verdict,
)
from annotations.permissions import ADJUDICATORS
from annotations.statuses import (
    BLIND_ARMS,
    SEVERE,
    AnnotationStatus,
    CaseStatus,
    OpinionKind,
    RaterKind,
    Role,
)


class Stand(StrEnum):
    OPEN = "open"
    SECOND = "needs a second"
    DISPUTED = "in dispute"
    DECIDED = "decided"


@dataclass(frozen=True)
class Standing:
    """The decisions on one question of one case, the earliest first, and what they come to."""

    decisions: tuple[Adjudication, ...] = ()
    is_severe: bool = False
    stand: Stand = Stand.OPEN
    in_force: Adjudication | None = None
    is_alone: bool = False  # severe and decided by one: nobody else could have seconded it

    @property
    def deciders(self) -> set[int]:
        return {one.adjudicator_id for one in self.decisions if one.adjudicator_id is not None}

    @property
    def latest(self) -> Adjudication | None:
        return self.decisions[-1] if self.decisions else None

    def is_secret_to(self, user_id: int) -> bool:
        """Whether the decision there must be kept from this person, who may be its second."""
        return self.stand == Stand.SECOND and user_id not in self.deciders


NOTHING = Standing()


def resolve(
    decisions: Sequence[Adjudication], *, is_severe: bool, eligible: Collection[int],
    owners: Collection[int],
) -> Standing:  # fmt: skip
    """What the decisions on one question come to.

    `eligible`: the ids of those who may adjudicate the case. Simulated and imported decisions
    count as they are.
    """
    stand, in_force, latest = Stand.OPEN, None, None
    people: set[int] = set()
    for one in decisions:
        who = one.adjudicator_id
        others = people - {who}
        is_referee = who in owners or who not in people
        same = latest is not None and _answer(latest) == _answer(one)
        if who is None or not is_severe:
            stand = Stand.DECIDED
        elif not others:
            stand = Stand.SECOND
        elif stand == Stand.DISPUTED:
            stand = Stand.DECIDED if is_referee else Stand.DISPUTED
        else:
            agreed = same or (stand == Stand.DECIDED and is_referee)
            stand = Stand.DECIDED if agreed else Stand.DISPUTED
        in_force = one if stand == Stand.DECIDED else None
        latest = one
        if who is not None:
            people.add(who)
    is_alone = stand == Stand.SECOND and not set(eligible) - people
    if is_alone:
        stand, in_force = Stand.DECIDED, latest
    return Standing(tuple(decisions), is_severe, stand, in_force, is_alone)


def _answer(decision: Adjudication) -> tuple[str, str]:
    return decision.status, decision.value


def of_cases(cases: Iterable[Case]) -> dict[tuple[int, int], Standing]:
    """(case id, criterion id) -> where it stands, for what has a decision; `NOTHING` for the rest."""
    by_id = {case.pk: case for case in cases}
    found: dict[tuple[int, int], list[Adjudication]] = defaultdict(list)
    for row in Adjudication.objects.filter(case__in=list(by_id)).order_by("id"):
        found[row.case_id, row.criterion_id].append(row)
    by_people = {key[0] for key, rows in found.items() if any(r.adjudicator_id for r in rows)}
    severe = severe_cases(by_people)
    severe_now = {
        key for key, rows in found.items()
        if key[0] in severe or any((row.severity or 0) >= SEVERE for row in rows)
    }  # fmt: skip
    asked = {key[0] for key in severe_now} & by_people
    eligible = eligible_by_case([by_id[pk] for pk in asked])
    owners = _owners({by_id[pk].project_id for pk in asked})
    return {
        key: resolve(
            rows, is_severe=key in severe_now, eligible=eligible.get(key[0], set()),
            owners=owners.get(by_id[key[0]].project_id, set()),
        )
        for key, rows in found.items()
    }  # fmt: skip


def of(case: Case, criterion_id: int) -> Standing:
    """Where one question of one case stands."""
    return of_cases([case]).get((case.pk, criterion_id), NOTHING)


def severe_cases(case_ids: Collection[int]) -> set[int]:
    """Those that a rater, or an adjudicator who answered blind, gave a severity of 3 or more."""
    if not case_ids:
        return set()
    sheets = Annotation.objects.filter(
        case__in=case_ids, status=AnnotationStatus.SUBMITTED, severity__gte=SEVERE
    )
    opinions = Opinion.objects.filter(
        case__in=case_ids, kind=OpinionKind.BLIND, severity__gte=SEVERE
    )
    return set(sheets.values_list("case", flat=True)) | set(opinions.values_list("case", flat=True))


def eligible_by_case(cases: Sequence[Case]) -> dict[int, set[int]]:
    """case id -> the users who may adjudicate it: adjudicators of the project who did not rate it."""
    if not cases:
        return {}
    members: dict[int, set[int]] = defaultdict(set)
    for project, user in Membership.objects.filter(
        project__in={case.project_id for case in cases}, role__in=ADJUDICATORS
    ).values_list("project", "user"):
        members[project].add(user)
    rated: dict[int, set[int]] = defaultdict(set)
    for case_id, rater in Annotation.objects.filter(
        case__in=[case.pk for case in cases], status=AnnotationStatus.SUBMITTED,
        rater__user__isnull=False,
    ).values_list("case", "rater__user"):  # fmt: skip
        rated[case_id].add(rater or 0)
    return {case.pk: members[case.project_id] - rated[case.pk] for case in cases}


def _owners(projects: Collection[int]) -> Mapping[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    if projects:
        rows = Membership.objects.filter(project__in=projects, role=Role.OWNER)
        for project, user in rows.values_list("project", "user"):
            found[project].add(user)
    return found


# ---- what a person has not answered yet, and so must not read


def blind_verdicts_of_people() -> QuerySet[Verdict]:
    """What people answered with no AI help before: alone this can settle or divide a case."""
    return Verdict.objects.filter(annotation__arm__in=BLIND_ARMS).exclude(
        annotation__rater__kind=RaterKind.JUDGE
    )


def current_gold() -> Exists:
    """Whether the row's question has gold on the row's case."""
    here = {"case": OuterRef("case"), "criterion": OuterRef("criterion")}
    return Exists(Gold.objects.filter(**here, superseded_at__isnull=True))


def open_verdicts() -> QuerySet[Verdict]:
    """The verdicts whose question has no gold on their case, and is one that somebody decides."""
    return blind_verdicts_of_people().filter(
        ~current_gold(), criterion_version__is_descriptive=False
    )


def rechecks_for(by: Membership) -> QuerySet[Gold]:
    """The decided questions that this member is to answer again, knowing nothing of the decision.

    One in ten decisions is marked for it when it is made; one other adjudicator is enough.
    """
    here = {"case": OuterRef("case"), "criterion": OuterRef("criterion")}
    own = Annotation.objects.filter(
        case=OuterRef("case"), rater__user=by.user, status=AnnotationStatus.SUBMITTED
    )
    return Gold.objects.filter(
        ~Exists(Opinion.objects.filter(**here, by=by.user)),
        ~Exists(Opinion.objects.filter(**here, kind=OpinionKind.RECHECK)),
        ~Exists(Adjudication.objects.filter(**here, adjudicator=by.user)),
        ~Exists(own),
        project=by.project_id, superseded_at__isnull=True, adjudication__wants_recheck=True,
    )  # fmt: skip


def owes_an_opinion(by: Membership, case: Case) -> bool:
    """Whether this adjudicator is yet to answer a question of the case blind.

    Then what others said of it is shown on no page: it would be in the answer.
    """
    if Role(by.role) not in ADJUDICATORS or by.user_id not in eligible_by_case([case])[case.pk]:
        return False
    if case.status == CaseStatus.ADJUDICATION:
        said = Opinion.objects.filter(case=case, by=by.user).values("criterion")
        return open_verdicts().filter(case=case).exclude(criterion__in=said).exists()
    return case.status == CaseStatus.SETTLED and rechecks_for(by).filter(case=case).exists()
