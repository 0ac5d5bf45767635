"""Cases of a request as the table that every import reads, so that both go the same way."""

from collections.abc import Mapping, Sequence
from typing import Any

from annotations.errors import BadInput
from annotations.importing.columns import ColumnMap
from annotations.importing.importer import NOTHING_WRITTEN
from annotations.importing.planning import Plan
from annotations.tables import Problem, Row, Table
from annotations.tables.cells import inspect_cell
from annotations.tables.problems import MAX_PROBLEMS, Findings, shown

FIELDS = {
    "external_id": "case", "prompt": "prompt", "system": "system", "response": "response",
    "context": "context", "conversation": "conversation", "family": "family",
}  # fmt: skip
SAID = ("prompt", "system")
MAX_STRATA = 20


def as_table(cases: Sequence[Mapping[str, Any]]) -> tuple[Table, ColumnMap]:
    """One row a case (`line` is its place, from 1) and what each column is.

    Raises `BadInput` for what can't be told from the table any more: ids that repeat, texts that
    can't be kept, a prompt beside a conversation.
    """
    strata = list(dict.fromkeys(name for case in cases for name in case.get("strata", {})))
    fields = [name for name in FIELDS if any(name in case for case in cases)]
    as_turns = "conversation" in fields  # of one case: then of all, prompts become turns
    fields = [name for name in fields if not (as_turns and name in SAID)]
    findings = Findings()
    _check_strata(strata, findings)
    _check_ids(cases, findings)
    rows = []
    for place, case in enumerate(cases, start=1):
        cells = {name: case.get(name) for name in fields}
        if as_turns:
            cells["conversation"] = _turns(case, place, findings)
        cells |= {name: case.get("strata", {}).get(name) for name in strata}
        for name, cell in cells.items():
            inspect_cell(cell, line=place, column=name, findings=findings)
        rows.append(Row(place, cells))
    if findings.problems:
        raise refused(findings.problems)
    pairs = [(FIELDS[name], name) for name in fields]
    pairs += [("target" if name == "target" else "stratum", name) for name in strata]
    notes = tuple(findings.all_notes())
    return Table("API", "json", (*fields, *strata), tuple(rows), notes), ColumnMap(tuple(pairs))


def check(plan: Plan) -> None:
    """Raise `BadInput` with the place of each problem in the list of the request."""
    if plan.problems:
        raise refused(plan.problems)


def refused(problems: Sequence[Problem]) -> BadInput:
    """The error that lists the first problems by their place, counted from 0 as JSON does."""
    lines = [in_words(problem) for problem in problems[:MAX_PROBLEMS]]
    more = len(problems) - MAX_PROBLEMS
    if more > 0:
        lines.append(f"And {more:,} more problems.")
    return BadInput(f"{NOTHING_WRITTEN} {' '.join(lines[:3])}", lines)


def in_words(problem: Problem) -> str:
    """`cases[2].response: …`"""
    place = "cases" if problem.line is None else f"cases[{problem.line - 1}]"
    return f"{place}{f'.{problem.column}' if problem.column else ''}: {problem.message}"


def _turns(case: Mapping[str, Any], place: int, findings: Findings) -> Any:
    """The turns given, or those that a prompt and a system message make."""
    turns = case.get("conversation")
    spoken = [(role, case.get(name)) for role, name in (("system", "system"), ("user", "prompt"))]
    made = [{"role": role, "content": text} for role, text in spoken if text]
    if bool(turns) == bool(made):
        findings.problem(
            "Give a conversation, or a prompt with its system message: one of the two.",
            line=place, column="conversation",
        )  # fmt: skip
    return [dict(turn) for turn in turns] if turns else made or None


def _check_ids(cases: Sequence[Mapping[str, Any]], findings: Findings) -> None:
    seen: dict[str, int] = {}
    for place, case in enumerate(cases, start=1):
        name = case.get("external_id")
        if name is None:
            continue
        if name in seen:
            message = f"{shown(name)} is the id of cases[{seen[name] - 1}] too: ids are unique."
            findings.problem(message, line=place, column="external_id")
        seen.setdefault(name, place)


def _check_strata(strata: Sequence[str], findings: Findings) -> None:
    if len(strata) > MAX_STRATA:
        findings.problem(f"{len(strata)} different strata; the limit is {MAX_STRATA}.")
    for name in strata:
        if name in FIELDS or not name.strip() or len(name) > 60:
            findings.problem(
                f"{shown(name)} can't be the name of a stratum: use up to 60 characters, and not "
                "the name of a field."
            )
