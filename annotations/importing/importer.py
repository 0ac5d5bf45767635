"""Importing a file: previewed, or taken in one transaction; pages, jobs and commands call this."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from annotations.errors import BadInput
from annotations.gold import MIN_RATERS
from annotations.importing.columns import LABELS, ColumnMap, guess
from annotations.importing.planning import Plan, Scales, compare, scales_of
from annotations.importing.reading import NewQuestion, Progress, Proposal, read_proposal
from annotations.importing.words import MAX_WORDS, PARSERS
from annotations.importing.writing import Source, Written, write
from annotations.models import CriterionVersion, Project
from annotations.statuses import RaterKind, Scale
from annotations.tables import Problem, Table, TableError, read_table
from annotations.tables.problems import MAX_PROBLEMS
from annotations.tables.table import text_of

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
NOTHING_WRITTEN = "Nothing was written."


class FileRefused(BadInput):
    """A file that can't be taken as it is; `found` says what and where, all of it."""

    def __init__(self, found: Sequence[Problem]) -> None:
        lines = problem_lines(found)
        rest = f" And {len(lines) - 3:,} more." if len(lines) > 3 else ""
        super().__init__(f"{NOTHING_WRITTEN} {' '.join(lines[:3])}{rest}", lines)
        self.found = list(found)


@dataclass(frozen=True)
class Choice:
    """What a person chooses beside the file; an empty mapping means: guess it from the names."""

    mapping: ColumnMap = field(default_factory=ColumnMap)
    criterion: str = ""
    scale: str = ""
    positive: tuple[str, ...] = ()
    batch: str = ""
    open_slots: bool = True

    @property
    def new_question(self) -> NewQuestion:
        """The criterion to make where the project has none."""
        key = self.criterion or "label"
        if not _KEY.fullmatch(key):
            raise BadInput("Write the criterion's key in small letters, digits, - and _: “harm”.")
        if self.scale and self.scale not in list(Scale):
            raise BadInput(f"The scale is one of: {', '.join(Scale)}.")
        return NewQuestion(key, Scale(self.scale) if self.scale else None, self.positive)

    def to_json(self) -> dict[str, Any]:
        """As a job keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Choice":
        pairs = tuple((str(role), str(column)) for role, column in data["mapping"]["pairs"])
        mapping = ColumnMap(pairs, dict(data["mapping"]["parsers"]))
        rest = {name: value for name, value in data.items() if name not in ("mapping", "positive")}
        return cls(mapping=mapping, positive=tuple(data["positive"]), **rest)


@dataclass
class Report:
    """What an import did, for the screen, the job's result and `--json`."""

    project: str
    file: str
    sha256: str
    rows: int
    cases_added: int
    cases_there: int
    labels_added: int
    labels_there: int
    judge_verdicts: dict[str, int]
    judge_verdicts_there: int
    judges: dict[str, dict[str, Any]]
    disagreements_queued: int
    adjudications_imported: int
    gold_settled: int
    slots_opened: int
    criterion: str
    scale: str
    positive: list[str]
    notes: list[str]
    dry_run: bool = False

    @property
    def adds_nothing(self) -> bool:
        """Whether all of the file is here already."""
        added = self.cases_added + self.labels_added + self.adjudications_imported
        return not added and not self.judge_verdicts


def open_table(source: Path, name: str) -> Table:
    """The table in a file. Raises `BadInput` with every problem's line and column."""
    try:
        return read_table(source, name)
    except TableError as error:
        raise FileRefused(error.problems) from error


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def guess_mapping(table: Table) -> ColumnMap:
    """The mapping that names and the number of different values suggest."""
    words: dict[str, int | None] = {}
    for column in table.columns:
        seen: set[str | None] = set()
        for row in table.rows:
            seen.add(text_of(row[column]))
            if len(seen) > MAX_WORDS + 1:
                break
        words[column] = len(seen) if len(seen) <= MAX_WORDS + 1 else None
    return guess(table.columns, words)


@dataclass(frozen=True)
class Offer:
    """A file as it was read, and the question that its labels were read against."""

    table: Table
    proposal: Proposal
    scales: Scales


def read(
    table: Table, choice: Choice, *, project: Project | None, may_create: bool = True,
    progress: Progress | None = None,
) -> Offer:  # fmt: skip
    """Everything that can be told before the cases are compared with those of the project."""
    mapping = choice.mapping if choice.mapping.pairs else guess_mapping(table)
    scales = _scales(choice, mapping, project, may_create=may_create)
    proposal = read_proposal(
        table, mapping, question=scales.question, new=scales.new, progress=progress
    )
    return Offer(table, proposal, scales)


def _scales(
    choice: Choice, mapping: ColumnMap, project: Project | None, *, may_create: bool
) -> Scales:
    if not mapping.many(*LABELS):
        return Scales()
    return scales_of(
        project, criterion=choice.criterion, new=choice.new_question, may_create=may_create
    )


def preview(offer: Offer, *, project: Project | None) -> Plan:
    """What an import would do; writes nothing. Problems are in the plan, in the file's order."""
    table, scales = offer.table, offer.scales
    return compare(offer.proposal, project=project, scales=scales, file=table.name)


def take(offer: Offer, choice: Choice, *, project: Project, sha256: str, by: User | None) -> Report:
    """Write the offer, all or nothing. The same file again adds nothing. Raises `BadInput`."""
    with transaction.atomic():
        # One import at a time in a project: what the offer is compared with must not move.
        project = Project.objects.select_for_update().get(pk=project.pk)
        mapping, may_create = offer.proposal.mapping, offer.scales.new is not None
        if _scales(choice, mapping, project, may_create=may_create) != offer.scales:
            raise BadInput("The rubric was released meanwhile: preview the file again.")
        plan = preview(offer, project=project)
        check(plan)
        done = write(
            plan, project=project, version=offer.scales.version or _released(project, mapping),
            source=Source(offer.table.name, sha256, choice.batch), by=by,
            open_slots=choice.open_slots,
        )  # fmt: skip
    return report_of(plan, offer.table, sha256=sha256, project=project, done=done)


def _released(project: Project, mapping: ColumnMap) -> CriterionVersion | None:
    """For cases without labels: any question of the rubric that people will label them by."""
    released = None if mapping.many(*LABELS) else project.rubric.released
    return released.criteria.select_related("criterion", "version").first() if released else None


def check(plan: Plan) -> None:
    """Raise `FileRefused` with the first problems, in the file's order, if there are any."""
    if plan.problems:
        raise FileRefused(plan.problems)


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """The first 50 as sentences, and how many more there are."""
    lines = [str(problem) for problem in problems[:MAX_PROBLEMS]]
    more = len(problems) - MAX_PROBLEMS
    return [*lines, f"And {more:,} more problems."] if more > 0 else lines


def report_of(
    plan: Plan, table: Table, *, sha256: str, project: Project | None, done: Written | None
) -> Report:
    """The report of an import, or (without `done`) of what it would do."""
    question = plan.proposal.question
    expected = done or _expected(plan, overlap=project.overlap if project else 2)
    return Report(
        project=project.slug if project else "",
        file=table.name,
        sha256=sha256,
        rows=len(table.rows),
        cases_added=expected.cases,
        cases_there=len(plan.there),
        labels_added=expected.labels,
        labels_there=plan.labels_there,
        judge_verdicts=expected.verdicts,
        judge_verdicts_there=plan.verdicts_there,
        judges={
            judge.name: {
                "parser": judge.parser,
                "reads": PARSERS[judge.parser][1].__doc__ or "",
                "statuses": dict(judge.counts),
                "not_answers": [
                    {"line": line, "status": status, "says": says}
                    for line, status, says in judge.not_answers[:MAX_PROBLEMS]
                ],
            }
            for judge in plan.proposal.judges.values()
        },
        disagreements_queued=expected.to_adjudicate,
        adjudications_imported=expected.adjudicated,
        gold_settled=expected.settled,
        slots_opened=expected.slots,
        criterion=question.key if question else "",
        scale=str(question.scale) if question else "",
        positive=list(question.positive) if question else [],
        notes=[str(note) for note in plan.notes],
        dry_run=done is None,
    )


def _expected(plan: Plan, *, overlap: int) -> Written:
    """What writing would do, told from the file's own labels; places as if they were opened."""
    verdicts: dict[str, int] = {}
    for label in plan.labels:
        if label.rater[0] == RaterKind.JUDGE:
            status = str(label.answer.status)
            verdicts[status] = verdicts.get(status, 0) + 1
    fresh = [case for case in plan.new if len(case.labels) > 1 or case.settled is not None]
    undecided = [case for case in fresh if case.people_disagree and case.settled is None]
    decided_here = sum(
        case.needs_decision for case in plan.decisions if case.external_id in plan.there
    )
    return Written(
        cases=len(plan.new),
        labels=plan.people_labels,
        verdicts=verdicts,
        adjudicated=sum(case.needs_decision for case in plan.decisions),
        to_adjudicate=len(undecided),
        settled=len(fresh) - len(undecided) + decided_here,
        slots=sum(
            max(0, overlap - len(case.labels))
            for case in plan.new
            if case.has_text and len(case.labels) < MIN_RATERS and case.settled is None
        ),
    )
