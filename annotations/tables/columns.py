"""Names of columns: trimmed, never twice, never empty; for every format."""

from collections import Counter
from collections.abc import Sequence

from annotations.tables.problems import Findings, shown


def clean_columns(names: Sequence[str], *, findings: Findings) -> tuple[str, ...]:
    """The names to use; a column without a name gets its number, a name twice is a problem."""
    named = []
    for number, name in enumerate((name.strip() for name in names), start=1):
        if not name:
            findings.note(f"Column {number} has no name; it is called “column_{number}”.", line=1)
        if "\x00" in name:
            findings.problem("A column name holds a NUL byte: remove it.", line=1, column=name)
        named.append(name or f"column_{number}")
    for name, times in Counter(named).items():
        if times > 1:
            places = ", ".join(str(i) for i, n in enumerate(named, start=1) if n == name)
            findings.problem(
                f"Columns {places} are all called {shown(name)}: give each a name of its own.",
                line=1,
                column=name,
            )
    findings.check()
    return tuple(named)
