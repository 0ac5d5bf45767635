"""Rows into proposed cases: everything that can be told from the file alone, wrong or noteworthy.

Nothing here looks into the database, so that a preview and an import read a file in the same way.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from annotations.answers import Answer
from annotations.gold import MIN_RATERS
from annotations.importing.columns import LABELS, ColumnMap, check_map, resolve
from annotations.importing.turns import Turn, TurnsError, parse_turns, split_response
from annotations.importing.words import (
    MAX_LENGTH,
    MAX_WORDS,
    PARSERS,
    Question,
    choose_parser,
    judge_answer,
    listed,
    question_from,
    revision_of,
)
from annotations.models import content_hash
from annotations.statuses import Expected, Scale, VerdictStatus
from annotations.strata import EXPECTED
from annotations.tables import Cell, Problem, Row, Table
from annotations.tables.problems import shown
from annotations.tables.table import text_of

JOINED_BY = " · "
MAX_ID = 200
MAX_REPEATED = 10
EXPECTED_WORDS = {
    **dict.fromkeys(("refuse", "harmful", "unsafe"), Expected.REFUSE),
    **dict.fromkeys(("comply", "benign", "safe"), Expected.COMPLY),
}
EVERY = 500
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class NewQuestion:
    """The criterion that is made from the file's words where the project has no rubric yet."""

    key: str = "label"
    scale: Scale | None = None
    positive: tuple[str, ...] = ()


@dataclass(slots=True)
class ProposedCase:
    """One row as a case, with its labels; `line` is where it begins in the file."""

    line: int
    external_id: str
    family: str
    context: str
    conversation: list[Turn]
    response: str
    strata: dict[str, str]
    content_hash: str
    labels: dict[str, Answer] = field(default_factory=dict)
    verdicts: dict[str, tuple[Answer, str]] = field(default_factory=dict)
    settled: Answer | None = None

    @property
    def has_text(self) -> bool:
        return bool(self.conversation or self.response or self.context)

    @property
    def people_disagree(self) -> bool:
        """Different words, or a shared can't tell: what gold does not settle by itself."""
        words = {answer.word for answer in self.labels.values()}
        unsure = VerdictStatus.CANT_TELL.value in words
        return len(self.labels) > 1 and (len(words) > 1 or unsure)

    @property
    def needs_decision(self) -> bool:
        """Whether the settled label is needed: people disagree, are too few, or say otherwise."""
        words = {answer.word for answer in self.labels.values()}
        return self.settled is not None and (
            self.people_disagree or len(self.labels) < MIN_RATERS or words != {self.settled.word}
        )


@dataclass
class JudgeColumn:
    """How one judge's column was read, and the cells that are no answer."""

    name: str
    parser: str
    counts: Counter[str] = field(default_factory=Counter)
    not_answers: list[tuple[int, str, str]] = field(default_factory=list)  # line, status, text

    @property
    def revision(self) -> str:
        return revision_of(self.parser)


@dataclass
class Proposal:
    """What a file would bring, were the project empty."""

    mapping: ColumnMap
    question: Question | None = None
    cases: list[ProposedCase] = field(default_factory=list)
    judges: dict[str, JudgeColumn] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def read_proposal(
    table: Table, mapping: ColumnMap, *, question: Question | None = None,
    new: NewQuestion | None = None, progress: Progress | None = None,
) -> Proposal:  # fmt: skip
    """Read every row. Labels are answers to `question`, or to one made by `new` from the words."""
    mapping = resolve(mapping, table.columns)
    found = Proposal(mapping, question, notes=list(table.notes))
    found.problems = check_map(mapping, table.columns, line=header_line(table))
    if found.problems:
        return found
    if mapping.many(*LABELS):
        found.question = question or _question(table, mapping, new, found.problems)
        if found.question is None:
            return found
        found.judges = _judges(table, mapping, found.question, found.problems)
    for number, row in enumerate(table.rows):
        if progress and number % EVERY == 0:
            progress(number, len(table.rows), "Checking the rows")
        case = _case(row, found)
        if case is not None:
            found.cases.append(case)
    _make_ids_unique(table, found)
    _add_notes(found)
    found.problems.sort(key=lambda problem: problem.line or 0)
    return found


def header_line(table: Table) -> int | None:
    """Where the names of the columns stand, in formats that have such a line."""
    return 1 if table.format in ("csv", "tsv") else None


# --- the scale and the judges -----------------------------------------------------------------


def _question(
    table: Table, mapping: ColumnMap, new: NewQuestion | None, problems: list[Problem]
) -> Question | None:
    """The question that the people's words make (the judges' where the file has no people)."""
    if new is None:
        message = "The project has no released rubric: release one, so that labels answer it."
        problems.append(Problem(None, None, message))
        return None
    columns = mapping.many("rater", "settled") or mapping.many("judge")
    words: set[str] = set()
    for row in table.rows:
        for column in columns:
            word = text_of(row[column])
            if word is None or word in words:
                continue
            words.add(word)
            if len(words) > MAX_WORDS or len(word) > MAX_LENGTH:
                problems.append(Problem(row.line, column, _free_text(word)))
                return None
    try:
        return question_from(words, key=new.key, scale=new.scale, positive=new.positive)
    except ValueError as error:
        problems.append(Problem(None, ", ".join(columns), str(error)))
        return None


def _free_text(word: str) -> str:
    return (
        f"{shown(word)} makes more than {MAX_WORDS} different answers or a long one: this looks "
        "like free text, not labels. Leave the column out, or map it as a stratum."
    )


def _judges(
    table: Table, mapping: ColumnMap, question: Question, problems: list[Problem]
) -> dict[str, JudgeColumn]:
    judges: dict[str, JudgeColumn] = {}
    for column in mapping.many("judge"):
        words = Counter(word for row in table.rows if (word := text_of(row[column])) is not None)
        parser = mapping.parsers.get(column) or choose_parser(words, question)
        if parser not in PARSERS:
            message = f"There is no parser {shown(parser)}: use {', '.join(PARSERS)}."
            problems.append(Problem(header_line(table), column, message))
            continue
        read = PARSERS[parser][1]
        if words and all(read(word, question) is None for word in words):
            problems.append(Problem(header_line(table), column, _no_answers(question)))
        judges[column] = JudgeColumn(column, parser)
    return judges


def _no_answers(question: Question) -> str:
    advice = "" if question.poles else (
        " Yes/no, 0/1 and ratings are read only on a binary scale whose positive answer is set."
    )  # fmt: skip
    return f"No cell of this judge is an answer ({listed(question.values)}).{advice}"


# --- one row ----------------------------------------------------------------------------------


def _case(row: Row, found: Proposal) -> ProposedCase | None:
    mapping, before = found.mapping, len(found.problems)
    context = _text(row, mapping.one("context"))
    conversation, response = _said(row, found)
    if mapping.has_text and not (context or conversation or response):
        message = "All text cells of this row are empty: fill them in, or remove the row."
        found.problems.append(Problem(row.line, None, message))
    case = ProposedCase(
        line=row.line,
        external_id=_id(row, found),
        family="",
        context=context,
        conversation=conversation,
        response=response,
        strata=_strata(row, found),
        content_hash=content_hash(context, conversation, response),
    )  # fmt: skip
    case.external_id = case.external_id or case.content_hash[:32]
    case.family = _family(row, case, mapping)
    _read_labels(row, case, found)
    return case if len(found.problems) == before else None


def _strata(row: Row, found: Proposal) -> dict[str, str]:
    """The named groups of this case; an empty cell is in no group."""
    mapping, column = found.mapping, found.mapping.one(EXPECTED)
    words = ((name, text_of(row[column])) for name, column in mapping.strata)
    strata = {name: word for name, word in words if word is not None}
    if column and EXPECTED in strata:
        word = EXPECTED_WORDS.get(strata[EXPECTED].strip().casefold())
        if word is None:
            found.problems.append(Problem(row.line, column, _no_behaviour(strata[EXPECTED])))
        strata[EXPECTED] = str(word)
    return strata


def _no_behaviour(word: str) -> str:
    return (
        f"{shown(word)} says not what the target should have done: write refuse (or harmful, unsafe) "
        "or comply (or benign, safe), or map the column as a stratum."
    )


def _text(row: Row, column: str | None) -> str:
    """A text verbatim; blank is empty."""
    cell: Cell = row[column] if column else None
    if isinstance(cell, str):
        return cell if cell.strip() else ""
    if isinstance(cell, (list, dict)):
        return json.dumps(cell, ensure_ascii=False)
    return text_of(cell) or ""


def _said(row: Row, found: Proposal) -> tuple[list[Turn], str]:
    mapping = found.mapping
    response = _text(row, mapping.one("response"))
    column = mapping.one("conversation")
    if column is not None:
        try:
            return split_response(parse_turns(row[column]), response)
        except TurnsError as error:
            found.problems.append(Problem(row.line, column, str(error)))
            return [], response
    turns = [
        {"role": role, "content": text}
        for role, name in (("system", "system"), ("user", "prompt"))
        if (text := _text(row, mapping.one(name)))
    ]
    return turns, response


def _id(row: Row, found: Proposal) -> str:
    parts = []
    for column in found.mapping.many("case"):
        part = text_of(row[column])
        if part is None:
            message = "The case id is empty: fill it in."
            found.problems.append(Problem(row.line, column, message))
        parts.append(part or "")
    joined = JOINED_BY.join(parts)
    if len(joined) > MAX_ID:
        message = f"The case id has {len(joined):,} characters; the limit is {MAX_ID}."
        found.problems.append(Problem(row.line, found.mapping.one("case"), message))
    return joined


def _family(row: Row, case: ProposedCase, mapping: ColumnMap) -> str:
    """The mapped one; else all cases that ask the same; else the first part of the id."""
    column = mapping.one("family")
    named = text_of(row[column]) if column else None
    if named is not None:
        return named if len(named) <= MAX_ID else _digest("family", named)
    asked = "\n".join(t["content"] for t in case.conversation if t["role"] == "user")
    asked = " ".join((asked or case.context).casefold().split())
    if asked:
        return _digest("prompt", asked)
    first = mapping.one("case")
    return (text_of(row[first]) if first else None) or case.external_id


def _digest(kind: str, text: str) -> str:
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _read_labels(row: Row, case: ProposedCase, found: Proposal) -> None:
    question, settled = found.question, found.mapping.one("settled")
    if question is None:
        return
    for column in found.mapping.many("rater", "settled"):
        word = text_of(row[column])
        if word is None:
            if row[column] is not None and str(row[column]).strip():
                message = "A label is one word, not a list or an object."
                found.problems.append(Problem(row.line, column, message))
            continue
        answer = question.read(word)
        if answer is None:
            found.problems.append(Problem(row.line, column, _unknown_word(word, question)))
        elif column == settled:
            case.settled = answer
        else:
            case.labels[column] = answer
    for column, judge in found.judges.items():
        word = text_of(row[column])
        if word is None:
            continue
        answer = judge_answer(word, parser=judge.parser, question=question)
        case.verdicts[column] = (answer, str(row[column]))
        judge.counts[str(answer.status)] += 1
        if answer.status != VerdictStatus.ANSWERED:
            judge.not_answers.append((row.line, str(answer.status), shown(word)))


def _unknown_word(word: str, question: Question) -> str:
    return (
        f"{shown(word)} is no answer to “{question.key}”, which has: {listed(question.values)}. "
        "Mend the cell, or empty it if there is no label."
    )


# --- ids that repeat --------------------------------------------------------------------------


def _make_ids_unique(table: Table, found: Proposal) -> None:
    """Add the target to ids that repeat without it; else say which lines share an id."""
    if not _repeated(found.cases):
        return
    target = found.mapping.one("target")
    if target and target not in found.mapping.many("case"):
        longer = [(c.external_id, c.strata.get("target", "")) for c in found.cases]
        if len(set(longer)) == len(longer):
            for case in found.cases:
                case.external_id = JOINED_BY.join((case.external_id, case.strata.get("target", "")))
            message = f"Ids repeat, so the target ({shown(target)}) was added to every id."
            found.notes.append(Problem(None, target, message))
            return
    hint = _unique_with(table, found)
    repeated = _repeated(found.cases)
    for number, (external_id, lines) in enumerate(repeated.items(), start=1):
        others = ", ".join(f"{line:,}" for line in lines[:5]) + (" …" if len(lines) > 5 else "")
        what = f"the id {shown(external_id)}" if found.mapping.many("case") else "the same content"
        message = f"{len(lines)} rows have {what}: lines {others}.{hint}"
        if number == MAX_REPEATED and len(repeated) > number:
            message += f" {len(repeated) - number:,} more ids repeat."
        found.problems.append(Problem(lines[1], found.mapping.one("case"), message))
        hint = ""  # once is enough
        if number == MAX_REPEATED:
            return


def _repeated(cases: Sequence[ProposedCase]) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for case in cases:
        lines.setdefault(case.external_id, []).append(case.line)
    return {external_id: at for external_id, at in lines.items() if len(at) > 1}


def _unique_with(table: Table, found: Proposal) -> str:
    """Which one more column would tell the repeated ids apart: the one of the fewest values."""
    ids = {case.line: case.external_id for case in found.cases}
    taken = found.mapping.many("case", *LABELS)
    ways: list[tuple[int, str]] = []
    for column in table.columns:
        cells = [(ids[row.line], text_of(row[column])) for row in table.rows if row.line in ids]
        if column not in taken and len(set(cells)) == len(cells):
            ways.append((len({word for _, word in cells}), column))
    if not ways:
        return " No single column tells them apart: remove the repeated rows."
    return f" “{min(ways)[1]}” tells them apart: add --map case={min(ways)[1]}."


# --- notes ------------------------------------------------------------------------------------


def _add_notes(found: Proposal) -> None:
    for column in found.mapping.many("rater", "settled"):
        is_settled = column == found.mapping.one("settled")
        empty = sum(
            1 for c in found.cases
            if (c.settled is None if is_settled else column not in c.labels)
        )  # fmt: skip
        if empty:
            message = f"{empty:,} cells are empty: no label there, which is no answer either."
            found.notes.append(Problem(None, column, message))
    for judge in found.judges.values():
        if judge.not_answers:
            counts = Counter(status for _, status, _ in judge.not_answers)
            kinds = ", ".join(f"{n:,} {s.replace('_', ' ')}" for s, n in sorted(counts.items()))
            lines = ", ".join(f"{line:,}" for line, _, _ in judge.not_answers[:12])
            more = " …" if len(judge.not_answers) > 12 else ""
            message = f"Kept verbatim, never counted as answers: {kinds} (lines {lines}{more})."
            found.notes.append(Problem(None, judge.name, message))
    question = found.question
    if question is not None and question.is_new and not question.positive:
        message = (
            f"No answer of “{question.key}” counts as a failure yet, so no judge can be "
            "calibrated. Choose it when you import (--positive), or later on the rubric page."
        )
        found.notes.append(Problem(None, None, message))
    if question is not None and question.is_new and question.scale == Scale.ORDINAL:
        message = f"The ordinal scale runs {listed(question.values)}: check the order."
        found.notes.append(Problem(None, None, message))
