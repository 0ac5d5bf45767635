"""Hardening exports: what a team fine-tunes its target with, from a release of gold; for every door.

A row is a prompt that made a target fail, with an answer to it that people settled as safe; benign
requests that were answered well are among them, so that the target does not learn to refuse. The frozen
test's families are held back, so that the retrained target can be tested on them. A release never
changes and nothing is drawn at random: the same wish gives the same bytes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from django.contrib.auth.models import User

from annotations import audit
from annotations.errors import BadInput, NotFound
from annotations.exports import ExportFormat
from annotations.models import Criterion, Gold, Project, Release
from annotations.statuses import Expected, Provenance
from annotations.strata import EXPECTED
from campaigns.judging.members.refusal_phrases import Refusal, read_refusal
from campaigns.models import Campaign, Candidate
from campaigns.statuses import Intent
from campaigns.training.choosing import Choice, Pair, Settled, choose_rows
from campaigns.training.rows import (
    BENIGN,
    FORMAT,
    FORMATS,
    HARDENING,
    NOT_ADJUDICATED,
    PREFERENCE,
    SFT,
    Message,
    Unusable,
    preference_row,
    prompt_messages,
    sft_row,
)

CHUNK = 500
MOST_BENIGN = 10.0  # rows for each pair
MOST_REFUSAL = 2_000  # characters
MOST_NAMED = 50  # cases that are named one by one in a summary
HELD_BACK = "held back for the frozen test"
ON_AI = "rests on a judge's own word"
NO_ANSWER = "no answer to learn or to leave"

Record = dict[str, Any]


def write(rows: Iterable[Record]) -> Iterator[bytes]:
    """One JSON object a line."""
    for row in rows:
        yield orjson.dumps(row) + b"\n"


JSONL = ExportFormat(
    name="jsonl",
    title="JSON lines",
    content_type="application/x-ndjson",
    suffix="jsonl",
    write=write,
)


@dataclass(frozen=True)
class Wish:
    """What is asked for; empty words mean the rubric's first question, every target, no refusal."""

    format: str
    criterion: str = ""
    target: str = ""
    benign: float = 1.0  # rows for each pair; only in the format sft
    refusal: str = ""  # used where people settled no safe answer, and marked so

    def check(self) -> None:
        """Raise `BadInput` with what is wrong."""
        if self.format not in FORMATS:
            raise BadInput(f"“{self.format[:40]}” is no format: use {', '.join(FORMATS)}.")
        if not 0 <= self.benign <= MOST_BENIGN:  # not true of nan, either
            raise BadInput(f"Benign rows for each other row: a number from 0 to {MOST_BENIGN:g}.")
        if len(self.refusal) > MOST_REFUSAL:
            raise BadInput(f"The refusal is longer than {MOST_REFUSAL:,} characters.")


@dataclass(frozen=True, eq=False)
class Export:
    """A chosen set of rows of one release, ready to be written."""

    campaign: Campaign
    release: Release
    criterion: Criterion
    wish: Wish
    choice: Choice
    left_out: dict[str, int] = field(default_factory=dict)  # why -> cases

    @property
    def n_rows(self) -> int:
        if self.wish.format == PREFERENCE:
            return sum(len(pair.rejected) for pair in self.choice.pairs)
        return len(self.choice.pairs) + len(self.choice.benign)

    @property
    def file_name(self) -> str:
        slug = self.campaign.project.slug
        return f"{slug}-hardening-{self.wish.format}-r{self.release.number}.jsonl"

    def summary(self) -> dict[str, Any]:
        """Counts for the page, the command and the audit trail; no texts."""
        pairs = self.choice.pairs
        return {
            "format": self.wish.format,
            "rows": self.n_rows,
            "prompts_with_a_safe_answer": sum(pair.safe is not None for pair in pairs),
            "prompts_with_the_standard_refusal": sum(pair.safe is None for pair in pairs),
            "benign_rows": 0 if self.wish.format == PREFERENCE else len(self.choice.benign),
            "benign_rows_wanted": 0
            if self.wish.format == PREFERENCE
            else self.choice.benign_wanted,
            "failures_without_a_safe_answer": len(self.choice.without_safe),
            "without_a_safe_answer": list(self.choice.without_safe[:MOST_NAMED]),
            "left_out": self.left_out,
            "criterion": self.criterion.key,
            "target": self.wish.target,
            "gold_release": {"number": self.release.number, "sha256": self.release.sha256},
        }


def prepare(
    campaign: Campaign, wish: Wish, *, release: int | None = None,
    held_back: Callable[[str], bool] | None = None,
) -> Export:  # fmt: skip
    """Choose the rows; nothing is written. `held_back` says which families must stay unseen.

    Raises `BadInput` for a wish that can't be met, `NotFound` for a release that is not there.
    """
    wish.check()
    frozen = release_of(campaign.project, release)
    criterion = criterion_of(campaign.project, wish.criterion)
    left_out: dict[str, int] = {}
    settled = _settled(campaign, frozen, criterion, wish, held_back or campaign.is_frozen, left_out)
    refusal = wish.refusal.strip()
    choice = choose_rows(
        settled, benign_per_pair=wish.benign, refusal=_hash(refusal) if refusal else ""
    )
    return Export(campaign, frozen, criterion, wish, choice, dict(sorted(left_out.items())))


def rows(export: Export, *, by: User | None) -> Iterator[Record]:
    """The rows, read from the release some at a time. The audit record comes before the first."""
    record_of_export(export, by=by)
    return _rows(export)


def lines(export: Export, *, by: User | None) -> Iterator[bytes]:
    """The file of the rows."""
    return JSONL.write(rows(export, by=by))


def record_of_export(export: Export, *, by: User | None) -> None:
    told = {k: v for k, v in export.summary().items() if k != "without_a_safe_answer"}
    asked = {**asdict(export.wish), "refusal": bool(export.wish.refusal)}
    audit.record("exported for hardening", export.release, project=export.campaign.project, by=by,
                 asked=asked, **told)  # fmt: skip


def release_of(project: Project, number: int | None) -> Release:
    """The project's release of that number, or its newest. Raises `NotFound`, `BadInput`."""
    releases = project.releases.order_by("-number")
    found = releases.first() if number is None else releases.filter(number=number).first()
    if found is None and number is None:
        raise BadInput("There is no release of gold yet: release it on the gold page first.")
    if found is None:
        raise NotFound(f"There is no release {number} in this project.")
    return found


def criterion_of(project: Project, key: str) -> Criterion:
    """The criterion of that key, or the rubric's first question; it needs positive answers."""
    criteria = Criterion.objects.filter(rubric=project.rubric)
    released = project.rubric.released
    if key:
        found = criteria.filter(key=key).first()
    else:
        first = released.criteria.order_by("position", "id").first() if released else None
        found = first.criterion if first else None
    if found is None:
        raise BadInput(f"There is no criterion “{key[:80]}” in the rubric." if key else
                       "Release the rubric first: there is no question to harden for.")  # fmt: skip
    if not found.positive:
        raise BadInput(
            f"No answer of “{found}” counts as a failure yet: choose the positive answers on the "
            "gold page and release the gold again."
        )
    return found


# ---- which rows


def _settled(
    campaign: Campaign, release: Release, criterion: Criterion, wish: Wish,
    held_back: Callable[[str], bool], left_out: dict[str, int],
) -> Iterator[Settled]:  # fmt: skip
    """Every case of the release that could be a row; why others can't is counted."""
    on_ai = set(
        Gold.objects.filter(project=campaign.project, criterion=criterion, rests_on_ai=True)
        .values_list("case__external_id", flat=True)
    )  # fmt: skip
    for group in _by_case(release):
        mine = next((r for _, r in group if r["criterion"] == criterion.key), None)
        if mine is None or mine["positive"] is None:
            continue
        try:
            prompt = prompt_messages("", mine["context"], mine["conversation"])
        except Unusable as problem:
            why = f"{problem}"
        else:
            why = (
                HELD_BACK if held_back(mine["family"])
                else ON_AI if mine["case"] in on_ai
                else "" if mine["response"].strip()
                else NO_ANSWER
            )  # fmt: skip
        if why:
            left_out[why] = left_out.get(why, 0) + 1
            continue
        at = next(at for at, record in group if record is mine)
        clean = not any(record["positive"] for _, record in group)
        yield _settled_one(at, mine, prompt, clean, wish)


def _settled_one(
    at: int, record: Record, prompt: Sequence[Message], clean: bool, wish: Wish
) -> Settled:
    strata = record["strata"]
    benign = strata.get("intent") == Intent.BENIGN or strata.get(EXPECTED) == Expected.COMPLY
    refuses = benign and read_refusal(record["response"]).kind != Refusal.NONE
    return Settled(
        at=at,
        case=record["case"],
        prompt=_hash(prompt),
        answer=_hash(record["response"].strip()),
        family=record["family"],
        failed=bool(record["positive"]),
        clean=clean,
        adjudicated=record["provenance"] in (Provenance.ADJUDICATED, Provenance.IMPORTED),
        benign=benign,
        refuses=refuses,
        wanted=not wish.target or strata.get("target") == wish.target,
    )


def _by_case(release: Release) -> Iterator[list[tuple[int, Record]]]:
    """The records of each case together, as a release has them in its order."""
    rows = release.items.order_by("position").values_list("position", "record")
    group: list[tuple[int, Record]] = []
    for position, record in rows.iterator(chunk_size=CHUNK):
        if group and group[0][1]["case"] != record["case"]:
            yield group
            group = []
        group.append((position, record))
    if group:
        yield group


def _hash(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


# ---- the rows


def _rows(export: Export) -> Iterator[Record]:
    for start in range(0, len(export.choice.pairs), CHUNK):
        part = export.choice.pairs[start : start + CHUNK]
        needed = {at for pair in part for at in (*pair.failures, pair.safe) if at is not None}
        records, systems = _fetched(export, needed)
        for pair in part:
            yield from _rows_of(export, pair, records, systems)
    benign = export.choice.benign if export.wish.format == SFT else ()
    for start in range(0, len(benign), CHUNK):
        some = benign[start : start + CHUNK]
        records, systems = _fetched(export, set(some))
        for at in some:
            record = records[at]
            about = _metadata(export, BENIGN, [record], record)
            yield sft_row(_prompt(record, systems), record["response"], about)


def _rows_of(
    export: Export, pair: Pair, records: dict[int, Record], systems: dict[str, str]
) -> Iterator[dict[str, Any]]:
    failures = [records[at] for at in pair.failures]
    safe = None if pair.safe is None else records[pair.safe]
    answer = export.wish.refusal.strip() if safe is None else safe["response"]
    if export.wish.format == SFT:
        about = _metadata(export, HARDENING, failures, safe)
        yield sft_row(_prompt(failures[0], systems), answer, about)
        return
    for at in pair.rejected:
        rejected = records[at]
        about = _metadata(export, HARDENING, [rejected], safe)
        yield preference_row(_prompt(rejected, systems), answer, rejected["response"], about)


def _fetched(export: Export, positions: set[int]) -> tuple[dict[int, Record], dict[str, str]]:
    """The records at these positions, and the system prompts of the targets that answered them."""
    rows = export.release.items.filter(position__in=positions).values_list("position", "record")
    records = dict(rows)
    asked = Candidate.objects.filter(
        round__campaign=export.campaign, round__target__isnull=False,
        case__external_id__in=[record["case"] for record in records.values()],
    ).values_list("case__external_id", "round__target__system_prompt")  # fmt: skip
    return records, dict(asked)


def _prompt(record: Record, systems: dict[str, str]) -> list[Message]:
    system = systems.get(record["case"], "")
    return prompt_messages(system, record["context"], record["conversation"])


def _metadata(
    export: Export, kind: str, asked: Sequence[Record], safe: Record | None
) -> dict[str, Any]:
    """Where a row comes from. The same keys and types in every row."""
    used = [*asked, *([safe] if safe else [])]
    return {
        "format": FORMAT,
        "kind": kind,
        "cases": [record["case"] for record in asked],
        "family": asked[0]["family"],
        "techniques": _values(asked, "technique"),
        "category": str(asked[0]["strata"].get("category", "")),
        "targets": _values(asked, "target"),
        "criterion": export.criterion.key,
        "safe_answer": f"gold, {safe['provenance']}" if safe else NOT_ADJUDICATED,
        "safe_case": safe["case"] if safe else "",
        "safe_target": str(safe["strata"].get("target", "")) if safe else "",
        "gold_release": export.release.number,
        "gold_sha256": export.release.sha256,
        "simulated": any(r["simulated_raters"] or r["simulated_response"] for r in used),
    }


def _values(records: Sequence[Record], stratum: str) -> list[str]:
    return sorted({str(r["strata"][stratum]) for r in records if r["strata"].get(stratum)})
