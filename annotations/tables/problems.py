"""What is wrong with a file and where, in words that a person can act on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

# A file with one mistake in every row is told the first of them and how many more there are.
MAX_PROBLEMS = 50
MAX_NOTES_OF_A_KIND = 20
MAX_SHOWN = 60

_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True)
class Problem:
    """One thing to mend or to know, at a 1-based line and a column, or of the whole file."""

    line: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = [] if self.line is None else [f"line {self.line:,}"]
        place += [] if self.column is None else [f"column {shown(self.column)}"]
        where = ", ".join(place)
        return f"{where[0].upper()}{where[1:]}: {self.message}" if where else self.message


class TableError(ValueError):
    """The file cannot be read as it is; `problems` say what and where. Nothing was taken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass
class Findings:
    """Collects problems and notes while a file is read, and keeps their number bearable."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    _more_problems: int = 0
    _note_kinds: dict[str, int] = field(default_factory=dict)

    def problem(self, message: str, *, line: int | None = None, column: str | None = None) -> None:
        """Something that must be mended before the file can be used."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(line, column, message))
        else:
            self._more_problems += 1

    def note(self, message: str, *, line: int | None = None, column: str | None = None) -> None:
        """Something to know; notes with the same message are of one kind."""
        self._note_kinds[message] = self._note_kinds.get(message, 0) + 1
        if self._note_kinds[message] <= MAX_NOTES_OF_A_KIND:
            self.notes.append(Problem(line, column, message))

    def check(self) -> None:
        """Raises if there is any problem."""
        if self.problems:
            more = self._more_problems
            rest = (
                [Problem(None, None, f"and {more:,} more problems of this kind.")] if more else []
            )
            raise TableError(self.problems + rest)

    def all_notes(self) -> list[Problem]:
        """The notes, with a last one for each kind that was cut short."""
        cut = {kind: n - MAX_NOTES_OF_A_KIND for kind, n in self._note_kinds.items()}
        rest = [
            Problem(None, None, f"and {n:,} more cells: {kind}") for kind, n in cut.items() if n > 0
        ]
        return self.notes + rest


def failed(message: str, *, line: int | None = None, column: str | None = None) -> TableError:
    """An error of one problem, to raise."""
    return TableError([Problem(line, column, message)])


def shown(text: str) -> str:
    """A piece of a hostile file as a message may quote it: short, on one line, printable."""
    short = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    return f"“{printable(short)}”"


def printable(text: str) -> str:
    """Text that moves no cursor and hides nothing: control characters are written out."""
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
