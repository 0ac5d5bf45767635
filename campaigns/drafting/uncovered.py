"""Regions that the rubric may not cover: clusters where raters can't tell, differ or comment more.

For the lead's evidence inbox. Clusters are found without labels; each is tested for each signal by
Fisher's exact test with families as the unit of independence (see `significance.excess`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from campaigns.drafting.evidence import (
    MIN_CASES,
    MIN_RATERS,
    Embeddings,
    EvidenceSet,
    Mask,
    Sheet,
    family_codes,
    snapshot_hash,
)
from campaigns.drafting.findings import Pattern, Significance, Tested
from campaigns.drafting.neighbours import communities, stability, unit_rows
from campaigns.drafting.significance import Excess, Ints, excess, wilson
from campaigns.drafting.terms import distinguishing_terms

RESOLUTIONS = (1.0, 3.0)
MIN_IN_HALF = 4
MIN_FAMILIES_IN_HALF = 2
MIN_FLAGGED = 3
MIN_LIFT = 1.5
MIN_STABILITY = 0.70
SPREAD_QUANTILE = 0.80
MAX_CITED = 5
MAX_BORDER = 3


@dataclass(frozen=True)
class Signal:
    """A sign of trouble on a case: where it is known, where it is up, who raised it."""

    name: str
    known: Mask
    flagged: Mask
    raised_by: tuple[frozenset[str], ...] | None


@dataclass(frozen=True)
class Region:
    """A cluster of the cases: `inside` of shape (n,), found at one resolution."""

    inside: Mask
    resolution: float


@dataclass(frozen=True)
class Landscape:
    """What every test of one criterion shares: rows of `unit`, `families`, `in_a` are the cases."""

    evidence: EvidenceSet
    unit: Embeddings
    families: Ints
    in_a: Mask
    seed: int


def uncovered_tests(
    evidence: EvidenceSet, embeddings: Embeddings, *, in_a: Mask, seed: int
) -> Iterator[Tested]:
    """Every (cluster, signal) that has enough cases in both halves to be tested."""
    land = Landscape(evidence, unit_rows(embeddings), family_codes(evidence), in_a, seed)
    signals = signals_of(evidence)
    for region in _regions(land):
        for signal in signals:
            if _is_testable(land, region, signal):
                yield _test(land, region, signal)


def signals_of(evidence: EvidenceSet) -> tuple[Signal, ...]:
    """Can't tell, disagreement, comments and the judges' spread, for each case."""
    sheets = evidence.sheets
    unsure = tuple(
        frozenset(rater for rater, answer in s.verdicts.items() if answer in evidence.unsure)
        for s in sheets
    )
    comments = tuple(
        frozenset(rater for rater, text in s.comments.items() if text.strip()) for s in sheets
    )
    labelled = np.array([bool(s.verdicts) for s in sheets], dtype=np.bool_)
    answers = [evidence.answers(s) for s in sheets]
    return (
        Signal("can't tell", labelled, _any(unsure), unsure),
        Signal(
            "disagreement",
            np.array([len(given) >= MIN_RATERS for given in answers], dtype=np.bool_),
            np.array([len(set(given)) > 1 for given in answers], dtype=np.bool_),
            None,
        ),
        Signal("comments", labelled, _any(comments), comments),
        _spread_signal(sheets),
    )


def _any(people: tuple[frozenset[str], ...]) -> Mask:
    return np.array([bool(names) for names in people], dtype=np.bool_)


def _spread_signal(sheets: tuple[Sheet, ...]) -> Signal:
    """The widest fifth of the judges' spread; nothing where all judges are equally apart."""
    spread = np.array(
        [np.nan if s.score_spread is None else s.score_spread for s in sheets], dtype=np.float64
    )
    known = np.isfinite(spread)
    cut = np.quantile(spread[known], SPREAD_QUANTILE) if known.any() else np.inf
    flagged = np.zeros(len(sheets), dtype=np.bool_)
    flagged[known] = spread[known] > cut
    return Signal("judges apart", known, flagged, None)


def _regions(land: Landscape) -> Iterator[Region]:
    seen: set[frozenset[int]] = set()
    for resolution in RESOLUTIONS:
        clusters = communities(land.unit, land.families, resolution=resolution, seed=land.seed)
        for members in clusters:
            if MIN_CASES <= len(members) < len(land.unit) and members not in seen:
                seen.add(members)
                inside = np.zeros(len(land.unit), dtype=np.bool_)
                inside[list(members)] = True
                yield Region(inside, resolution)


def _is_testable(land: Landscape, region: Region, signal: Signal) -> bool:
    """Labels are looked at only in total, never by cluster: selection here would spoil the p."""
    if signal.flagged[signal.known].sum() < MIN_FLAGGED:
        return False
    here = region.inside & signal.known
    return all(
        (here & half).sum() >= MIN_IN_HALF
        and np.unique(land.families[here & half]).size >= MIN_FAMILIES_IN_HALF
        and (~region.inside & signal.known & half).sum() >= MIN_IN_HALF
        for half in (land.in_a, ~land.in_a)
    )


def _test(land: Landscape, region: Region, signal: Signal) -> Tested:
    mined = _excess(land, region, signal, land.in_a & signal.known)
    verified = _excess(land, region, signal, ~land.in_a & signal.known)
    sheets, criterion = land.evidence.sheets, land.evidence.criterion
    return Tested(
        p_mined=mined.p_value,
        p_verified=verified.p_value,
        build=lambda found: _build(land, region, signal, found),
        region=frozenset((criterion, sheets[i].case_key) for i in np.flatnonzero(region.inside)),
    )


def _excess(land: Landscape, region: Region, signal: Signal, where: Mask) -> Excess:
    return excess(signal.flagged[where], region.inside[where], land.families[where])


def _build(
    land: Landscape, region: Region, signal: Signal, found: Significance
) -> tuple[Pattern, ...]:
    """The pattern, unless it is small, one rater's alone, weak, or gone when clustered again."""
    both = _excess(land, region, signal, signal.known)
    if both.lift < MIN_LIFT or _raters_behind(land, region, signal) < MIN_RATERS:
        return ()
    rng = np.random.default_rng([land.seed, int(np.flatnonzero(region.inside)[0])])
    stable = stability(
        region.inside, land.unit, land.families, resolution=region.resolution, rng=rng
    )
    if stable < MIN_STABILITY:
        return ()
    keys, roles = _cited(land, region, signal)
    terms = _terms(land, region)
    return (
        Pattern(
            kind="uncovered",
            criterion=land.evidence.criterion,
            title=_title(signal, both, terms),
            case_keys=keys,
            roles=roles,
            terms=terms,
            numbers=_numbers(land, region, both, found, stable),
            p_value=found.p_value,
            q_value=found.q_value,
            snapshot_hash=snapshot_hash(land.evidence),
        ),
    )


def _raters_behind(land: Landscape, region: Region, signal: Signal) -> int:
    """How many people raised the flag here; a disagreement or a spread has two by its nature."""
    if signal.raised_by is None:
        return MIN_RATERS
    people = [signal.raised_by[i] for i in np.flatnonzero(region.inside)]
    return len(frozenset[str]().union(*people))


def _cited(
    land: Landscape, region: Region, signal: Signal
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Medoid, flagged cases nearest to it, border cases: keys and, beside them, roles."""
    members = np.flatnonzero(region.inside)
    closeness = land.unit[members] @ land.unit[members].mean(axis=0)
    order = members[np.argsort(-np.round(closeness, 9), kind="stable")]
    flagged = [int(i) for i in order if signal.flagged[i] and signal.known[i]]
    cited: dict[int, str] = {int(order[0]): "medoid"}
    for i in flagged[:MAX_CITED]:
        cited.setdefault(i, "flagged")
    for i in order[::-1][:MAX_BORDER]:
        cited.setdefault(int(i), "border")
    sheets = land.evidence.sheets
    return tuple(sheets[i].case_key for i in cited), tuple(cited.values())


def _terms(land: Landscape, region: Region) -> tuple[str, ...]:
    texts = [sheet.text for sheet in land.evidence.sheets]
    return distinguishing_terms(
        [texts[i] for i in np.flatnonzero(region.inside)],
        [texts[i] for i in np.flatnonzero(~region.inside)],
    )


def _title(signal: Signal, both: Excess, terms: tuple[str, ...]) -> str:
    counts = (
        f"{signal.name}: {both.k_in} of {both.n_in} cases here, "
        f"{both.k_out} of {both.n_out} elsewhere"
    )
    return f"{counts}; terms: {', '.join(terms)}" if terms else counts


def _numbers(
    land: Landscape, region: Region, both: Excess, found: Significance, stable: float
) -> dict[str, float]:
    low, high = wilson(both.k_in, both.n_in)
    rest_low, rest_high = wilson(both.k_out, both.n_out)
    return {
        "cases": float(region.inside.sum()),
        "families": float(np.unique(land.families[region.inside]).size),
        "flagged_inside": float(both.k_in),
        "n_inside": float(both.n_in),
        "rate_inside": both.k_in / both.n_in,
        "rate_inside_low": low,
        "rate_inside_high": high,
        "flagged_elsewhere": float(both.k_out),
        "n_elsewhere": float(both.n_out),
        "rate_elsewhere": both.k_out / both.n_out,
        "rate_elsewhere_low": rest_low,
        "rate_elsewhere_high": rest_high,
        "p_verified": found.p_verified,
        "stability": stable,
    }
