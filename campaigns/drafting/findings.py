"""A pattern, and a test that may become one: the shapes that all miners share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["uncovered", "disagreement_pair", "exemplars"]
Diff = tuple[tuple[str, str], ...]

ENGINE = "patterns/1"


@dataclass(frozen=True)
class Pattern:
    """One finding with the cases it cites: counts and terms, never a definition.

    `roles` runs beside `case_keys` and says why each case is cited (medoid, flagged, border, the
    answer of an exemplar). `diff` is the word diff of a pair as (op, text), empty for other kinds.
    """

    kind: Kind
    criterion: str
    title: str
    case_keys: tuple[str, ...]
    roles: tuple[str, ...]
    terms: tuple[str, ...]
    numbers: Mapping[str, float]
    p_value: float | None
    q_value: float | None
    snapshot_hash: str
    diff: Diff = ()
    engine: str = ENGINE


@dataclass(frozen=True)
class Significance:
    """What a test got: p on half A, q over the whole refresh, p on half B."""

    p_value: float
    q_value: float
    p_verified: float


@dataclass(frozen=True)
class Tested:
    """One hypothesis: mined on half A, verified on half B, and what to say if it holds.

    `region` is the set of (criterion, case) that a finding covers: of two overlapping regions only
    the one with the smaller q is shown. `build` runs only for what passed, so that costly checks
    stay rare.
    """

    p_mined: float
    p_verified: float
    build: Callable[[Significance], tuple[Pattern, ...]]
    region: frozenset[tuple[str, str]] = frozenset()
