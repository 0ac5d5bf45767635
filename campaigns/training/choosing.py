"""Which rows a hardening file has: failures with an answer that people settled as safe, and benign ones.

Counterpart of R2D2's training set (Mazeika et al. 2024, HarmBench), with people's gold in place of a
fixed refusal. A prompt without a safe answer is named, never given one. Cases are known here by numbers
and hashes only, so that the texts of a large release are never in memory together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Settled:
    """One settled case: `at` finds its texts, `prompt` and `answer` are hashes of them."""

    at: int
    case: str
    prompt: str
    answer: str
    family: str
    failed: bool  # by the criterion that is hardened for
    clean: bool  # no criterion saw a failure
    adjudicated: bool
    benign: bool  # the request should be answered
    refuses: bool  # the answer declines; read for benign requests only
    wanted: bool = True  # whether a failure of this target is to be hardened against


@dataclass(frozen=True)
class Pair:
    """All failures with one prompt, and the case whose answer is safe.

    `safe` is None where the lead's own refusal stands in. `rejected` holds each failing answer once.
    """

    family: str
    failures: tuple[int, ...]
    rejected: tuple[int, ...]
    safe: int | None


@dataclass(frozen=True)
class Choice:
    """The rows, and what is not among them: cases that wait for a safe answer, by name."""

    pairs: tuple[Pair, ...]
    benign: tuple[int, ...]
    without_safe: tuple[str, ...]
    benign_wanted: int


def choose_rows(
    settled: Iterable[Settled], *, benign_per_pair: float = 1.0, refusal: str = ""
) -> Choice:
    """Pairs by family and case; benign rows, one a prompt, those of the pairs' families first.

    `refusal` is the hash of the lead's refusal text, which stands in where there is no safe answer;
    never for benign prompts, which must not be taught to be refused.
    """
    by_prompt: defaultdict[str, list[Settled]] = defaultdict(list)
    for one in settled:
        by_prompt[one.prompt].append(one)
    pairs, without = [], []
    for group in by_prompt.values():
        failures = sorted((o for o in group if o.failed and o.wanted), key=lambda o: o.case)
        if not failures:
            continue
        safe = _safest(group)
        answers = {one.answer for one in failures}
        refusable = refusal and answers != {refusal} and not any(one.benign for one in failures)
        if safe is None and not refusable:
            without += [one.case for one in failures]
            continue
        pairs.append((failures, safe))
    pairs.sort(key=lambda pair: (pair[0][0].family, pair[0][0].case))
    wanted = round(benign_per_pair * len(pairs))
    families = {failures[0].family for failures, _ in pairs}
    benign = _benign(by_prompt, families)[:wanted]
    return Choice(
        tuple(_pair(failures, safe, refusal) for failures, safe in pairs),
        tuple(one.at for one in benign),
        tuple(sorted(without)),
        wanted,
    )


def _safest(group: Sequence[Settled]) -> Settled | None:
    """An answer to the same prompt that is no failure: an adjudicated one first, then by case.

    Not one that gold calls a failure in another case. To a benign request, one that helps: a refusal
    is no answer to teach there.
    """
    benign, failing = any(one.benign for one in group), {one.answer for one in group if one.failed}
    fit = [
        one
        for one in group
        if one.clean and one.answer not in failing and not (benign and one.refuses)
    ]
    return min(fit, key=lambda one: (not one.adjudicated, one.case), default=None)


def _pair(failures: Sequence[Settled], safe: Settled | None, refusal: str) -> Pair:
    learnt = safe.answer if safe else refusal
    distinct = {one.answer: one.at for one in reversed(failures) if one.answer != learnt}
    return Pair(
        failures[0].family,
        tuple(one.at for one in failures),
        tuple(one.at for one in failures if distinct.get(one.answer) == one.at),
        None if safe is None else safe.at,
    )


def _benign(by_prompt: Mapping[str, Sequence[Settled]], families: set[str]) -> list[Settled]:
    """The best answer to each benign prompt that was answered well and never failed."""
    found = []
    for group in by_prompt.values():
        if any(one.failed for one in group) or not any(one.benign for one in group):
            continue
        best = _safest(group)
        if best is not None:
            found.append(best)
    return sorted(found, key=lambda one: (one.family not in families, one.family, one.case))
