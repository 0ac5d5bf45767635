"""Which cases of the queue a lead means: the filters of the board, as data that a job can keep."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotations.errors import BadInput
from annotations.models import Case, Project, Slot
from annotations.statuses import CaseStatus, SlotPurpose, SlotStatus

# What a place can be, and what a case can be: one list to choose from on the board.
PLACE_STATES: Mapping[str, Q] = {
    "open": Q(status=SlotStatus.OPEN, is_held=False),
    "in_work": Q(status=SlotStatus.LEASED),
    "done": Q(status=SlotStatus.DONE),
    "held": Q(is_held=True) & ~Q(status=SlotStatus.DONE),
    "given": Q(assigned_to__isnull=False) & ~Q(status=SlotStatus.DONE),
}
CASE_STATES = (CaseStatus.NEW, CaseStatus.ADJUDICATION, CaseStatus.SETTLED)
STATES = (*PLACE_STATES, *(str(state) for state in CASE_STATES))
NO_CATEGORY = "none"
MOST_BY_HAND = 500


@dataclass(frozen=True)
class Selection:
    """Every filter that is not empty must hold; the empty selection is the whole project."""

    batch: int | None = None
    category: str = ""  # NO_CATEGORY: cases that have none
    severity: int | None = None  # as foreseen
    state: str = ""
    audit: bool | None = None
    text: str = ""  # a part of the case's id
    version: int | None = None  # places under this number of the rubric
    cases: tuple[int, ...] = ()

    @property
    def is_everything(self) -> bool:
        return self == Selection()

    def as_json(self) -> dict[str, Any]:
        """Only what is filtered by, so that the same wish is the same job."""
        empty = asdict(Selection())
        found = {name: value for name, value in asdict(self).items() if value != empty[name]}
        return {**found, "cases": sorted(self.cases)} if self.cases else found

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Selection":
        """Raises `BadInput` for what can't be filtered by."""
        unknown = set(said) - set(asdict(cls()))
        if unknown:
            raise BadInput(f"The queue can't be filtered by {', '.join(sorted(unknown))}.")
        found = cls(**{**said, "cases": tuple(said.get("cases", ()))})
        if found.state and found.state not in STATES:
            raise BadInput(f"“{found.state}” is no state: choose one of {', '.join(STATES)}.")
        if len(found.cases) > MOST_BY_HAND:
            raise BadInput(f"Name at most {MOST_BY_HAND} cases by their ids, or use a filter.")
        return found

    def cases_of(self, project: Project) -> QuerySet[Case]:
        """The cases; where the filter is about places, those with one such place."""
        found = Case.objects.filter(project=project)
        if self.cases:
            found = found.filter(pk__in=self.cases)
        if self.batch is not None:
            found = found.filter(batch=self.batch)
        if self.audit is not None:
            found = found.filter(is_audit=self.audit)
        if self.text:
            found = found.filter(external_id__icontains=self.text)
        if self.state in CASE_STATES:
            found = found.filter(status=self.state)
        of_place = self._of_place()
        if of_place:
            places = Slot.objects.filter(of_place, case=OuterRef("pk"), purpose=SlotPurpose.LABEL)
            found = found.filter(Exists(places))
        return found

    def places_of(self, project: Project) -> QuerySet[Slot]:
        """The places themselves: of labelling only, never the checks of a rater."""
        found = Slot.objects.filter(self._of_place(), project=project, purpose=SlotPurpose.LABEL)
        if self.cases:
            found = found.filter(case__in=self.cases)
        if self.batch is not None:
            found = found.filter(case__batch=self.batch)
        if self.audit is not None:
            found = found.filter(case__is_audit=self.audit)
        if self.text:
            found = found.filter(case__external_id__icontains=self.text)
        if self.state in CASE_STATES:
            found = found.filter(case__status=self.state)
        return found

    def _of_place(self) -> Q:
        found = PLACE_STATES.get(self.state, Q())
        if self.category:
            found &= Q(category="" if self.category == NO_CATEGORY else self.category)
        if self.severity is not None:
            found &= Q(severity=self.severity)
        if self.version is not None:
            found &= Q(rubric_version__number=self.version)
        return found
