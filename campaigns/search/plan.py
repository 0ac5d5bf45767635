"""Planning a round: which prompts to try, by which techniques, and why each was chosen (pure).

A round is split into a guided half, which draws on parents (gold failures, judges' errors), and a
control half, which draws on the behaviours, harmful and benign twins in equal numbers, at equal
budget. Everything is fixed by the seed; a candidate's key is a hash of all that it was made from.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from campaigns.search.selection import TechniqueStat, choose_technique, seeded_rng
from campaigns.search.transforms import Parameter, Transform

# Of the control half's first turn, without any technique: what the techniques are read against.
PLAIN_SHARE = 0.2
CHAIN_SHARE = 0.25  # of the rest, with two techniques
TRIES = 8  # for a prompt that is not planned yet
MOST_CHARACTERS = 20_000  # of a prompt: techniques upon techniques grow it, round by round


@dataclass(frozen=True)
class BehaviorSeed:
    """What is sought: `pair` is shared by a harmful request and its benign twin."""

    key: str
    pair: str
    intent: str
    category: str
    text: str
    context: str = ""


@dataclass(frozen=True)
class Parent:
    """A settled case worth another look: `kind` and `why` say what happened with it."""

    key: str
    behavior_key: str | None
    prompt: str
    family: str
    kind: str
    weight: float
    why: str


@dataclass(frozen=True)
class CandidateSpec:
    """One attempt to make; `behavior_key` is None where the parent came without a behaviour."""

    key: str
    behavior_key: str | None
    parent_key: str | None
    techniques: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Parameter]]
    prompt: str
    arm: str
    reason: str


@dataclass
class _Plan:
    """What has been planned so far: no prompt twice."""

    seed: int
    transforms: Mapping[str, Transform]
    specs: list[CandidateSpec] = field(default_factory=list)
    seen: set[tuple[str | None, str]] = field(default_factory=set)


def plan_candidates(
    behaviors: Sequence[BehaviorSeed],
    parents: Sequence[Parent],
    transforms: Mapping[str, Transform],
    *,
    n: int,
    seed: int,
    guided_share: float = 0.5,
    technique_stats: Mapping[str, TechniqueStat] | None = None,
) -> list[CandidateSpec]:
    """At most `n` candidates (fewer when the seeds are exhausted), guided ones first.

    Raises `ValueError` when there is nothing to draw on.
    """
    if not behaviors and not parents:
        raise ValueError("There is nothing to draw on: add behaviours, or settle some gold first.")
    if not 0 <= guided_share <= 1:
        raise ValueError("The guided share is between 0 and 1.")
    guided = round(n * guided_share) if parents else 0
    if not behaviors:
        guided = n
    plan = _Plan(seed, transforms)
    _plan_guided(plan, parents, guided, technique_stats or {})
    _plan_control(plan, behaviors, n - len(plan.specs), has_parents=bool(parents))
    return plan.specs


def _plan_guided(
    plan: _Plan, parents: Sequence[Parent], n: int, stats: Mapping[str, TechniqueStat]
) -> None:
    """Parents in proportion to their weight, techniques by what gold confirmed of them."""
    if not n:
        return
    weights = np.array([max(parent.weight, 1e-6) for parent in parents])
    draws = seeded_rng(plan.seed, "parents").choice(len(parents), size=n, p=weights / weights.sum())
    for index, drawn in enumerate(draws):
        parent = parents[int(drawn)]
        left = list(plan.transforms)  # a best technique that has run dry must not cost the budget
        while left:
            rng = seeded_rng(plan.seed, f"guided:{index}:{len(plan.transforms) - len(left)}")
            choice = choose_technique(left, stats, rng=rng)
            left.remove(choice.technique)
            chain = _with_second(choice.technique, plan.transforms, rng)
            reason = f"Guided: {parent.why}. Technique {choice.technique}: {choice.why}."
            if _add(plan, parent.prompt, chain, rng, behavior=parent.behavior_key,
                    parent=parent.key, arm="guided", reason=reason):  # fmt: skip
                break


def _plan_control(
    plan: _Plan, behaviors: Sequence[BehaviorSeed], n: int, *, has_parents: bool
) -> None:
    """Behaviours in turn, so that twins appear equally often; techniques drawn evenly."""
    why = "Control: drawn without regard to gold"
    if not has_parents:
        why += ", as there is no gold failure or judge error to draw on yet"
    order = [behaviors[int(i)] for i in _paired_order(behaviors, plan.seed)]
    names = list(plan.transforms)
    for index in range(n if order else 0):
        behavior = order[index % len(order)]
        for attempt in range(TRIES):
            rng = seeded_rng(plan.seed, f"control:{index}:{attempt}")
            plain = not names or (index // len(order) == 0 and rng.random() < PLAIN_SHARE)
            first = names[int(rng.integers(len(names)))] if not plain else ""
            chain = _with_second(first, plan.transforms, rng) if first else ()
            reason = f"{why}. Behaviour “{behavior.key}” ({behavior.intent})."
            if _add(plan, behavior.text, chain, rng, behavior=behavior.key, parent=None,
                    arm="control", reason=reason):  # fmt: skip
                break


def _paired_order(behaviors: Sequence[BehaviorSeed], seed: int) -> list[int]:
    """Indices, shuffled by pair, twins side by side."""
    pairs: dict[str, list[int]] = {}
    for index, behavior in enumerate(behaviors):
        pairs.setdefault(behavior.pair, []).append(index)
    keys = sorted(pairs)
    shuffled = seeded_rng(seed, "pairs").permutation(len(keys))
    return [index for i in shuffled for index in pairs[keys[int(i)]]]


def _with_second(
    first: str, transforms: Mapping[str, Transform], rng: np.random.Generator
) -> tuple[str, ...]:
    """The technique, sometimes with a second one of another kind, in the order of application."""
    others = [t.name for t in transforms.values() if t.kind != transforms[first].kind]
    if not others or rng.random() >= CHAIN_SHARE:
        return (first,)
    chain = [first, others[int(rng.integers(len(others)))]]
    order = list(type(transforms[first].kind))
    return tuple(sorted(chain, key=lambda name: order.index(transforms[name].kind)))


def _add(
    plan: _Plan, text: str, chain: Sequence[str], rng: np.random.Generator, *,
    behavior: str | None, parent: str | None, arm: str, reason: str,
) -> bool:  # fmt: skip
    """Apply the chain and keep the candidate, unless this prompt is planned already."""
    prompt, parameters = text, {}
    for name in chain:
        if len(prompt) > MOST_CHARACTERS:
            return False
        changed = plan.transforms[name].apply(prompt, rng)
        if changed.unchanged:
            return False
        prompt, parameters[name] = changed.text, dict(changed.params)
    known = (behavior or parent, prompt) in plan.seen
    if known or not prompt.strip() or len(prompt) > MOST_CHARACTERS:
        return False
    plan.seen.add((behavior or parent, prompt))
    versions = [f"{name}/{plan.transforms[name].version}" for name in chain]
    made_from = json.dumps([behavior, parent, versions, parameters, prompt, arm], sort_keys=True)
    key = hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    plan.specs.append(
        CandidateSpec(key, behavior, parent, tuple(chain), parameters, prompt, arm, reason)
    )
    return True
