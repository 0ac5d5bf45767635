"""Who decides: whether conformal sets keep their level on new seeds, and what they send to a person.

Judges and sets learn from half of the seeds (XSTest: any refusal; DiaSafety: unsafe answers, read without
their context) and meet the other half, as `judges fit` and `judges score` do. An answer is to be lost at
most as often as the level says, .1, by failures and by other cases. Beside it: whether new seeds of
the same set pass as alike and answers of another target don't, and whether maps of their own help the
five targets of XSTest that all have labels in gold.
"""

import argparse

import numpy as np

from benchmarks._figures import Figure, note
from benchmarks._judging_transfer import DATA, FILES, KEPT, SETS, read
from campaigns.embeddings import encoder
from campaigns.judging.by_target import WAYS, try_ways
from campaigns.judging.conformal import ALPHA, decisions
from campaigns.judging.crossfit import cross_fit
from campaigns.judging.ensemble import cross_fit_ensemble
from campaigns.judging.examples import Example
from campaigns.judging.fitting import fit_panel
from campaigns.judging.linear import Bools
from campaigns.judging.members import Encode, Judge, make_members
from campaigns.judging.sameness import compare
from campaigns.management.judging.cache import Cache

DRAWS = 8
MOST = 1_000  # of gold, and of new cases
NAMES = {
    "xstest": ("lexical", "tfidf", "embedding", "refusal"),
    "diasafety": ("tfidf", "embedding"),
}


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    """The figures of all three questions."""
    if not (DATA / FILES["xstest"]).exists():
        note(f"decides skipped: {FILES['xstest']} is not in {DATA} (set EVALPLATFORM_DATA)")
        return {}
    coder = encoder()
    encode = Cache(KEPT).encode(coder.encode, coder.revision, progress=lambda done, of: None)
    draws = 2 if options.quick else DRAWS
    found: dict[str, Figure] = {}
    for name, load in SETS.items():
        if (DATA / FILES[name]).exists():
            examples, y = load()
            members = [
                one for one in make_members(encode, coder.revision) if one.name in NAMES[name]
            ]
            found |= levels(name, members, examples, y, draws=draws, seed=options.seed)
    examples, y = SETS["xstest"]()
    model = np.array([row["model"] for row in read(FILES["xstest"])])
    found |= same(encode, examples, model, draws=draws, seed=options.seed)
    members = [one for one in make_members(encode, coder.revision) if one.name in NAMES["xstest"]]
    return found | maps(members, examples, y, model, seed=options.seed)


def levels(
    name: str, members: list[Judge], examples: list[Example], y: Bools, *, draws: int, seed: int
) -> dict[str, Figure]:
    """How often a true answer is lost on new seeds, and what goes to a person there."""
    lost: dict[bool, list[float]] = {True: [], False: []}
    person, wrong, said = [], [], []
    for draw in range(draws):
        gold, new = halves(examples, np.random.default_rng([seed, draw]))
        panel = fit_panel(members, [examples[i] for i in gold], y[gold], seed=draw)
        p = panel.ensemble.predict(panel.scores([examples[i] for i in new]))
        assert panel.conformal is not None
        assert panel.decisions is not None
        sets = panel.conformal.sets(p)
        lost[True].append(float((sets.positive[y[new]] <= ALPHA).mean()))
        lost[False].append(float((sets.negative[~y[new]] <= ALPHA).mean()))
        found = decisions(sets, p, y[new], threshold=panel.ensemble.threshold.value)[0]
        person.append(found.to_person.value or 0.0)
        wrong.append(found.wrong.value or 0.0)
        said.append(panel.decisions.to_person.value or 0.0)
        note(f"  {name}, draw {draw}: lost {lost[True][-1]:.3f} of failures, {lost[False][-1]:.3f} of "
             f"others; {person[-1]:.3f} to a person (gold said {said[-1]:.3f}), {wrong[-1]:.3f} of the "
             "rest wrong")  # fmt: skip
    return {
        f"{name}_lost_failures": Figure(float(np.mean(lost[True])), "share", ALPHA, "the level"),
        f"{name}_lost_others": Figure(float(np.mean(lost[False])), "share", ALPHA, "the level"),
        f"{name}_to_person": Figure(float(np.mean(person)), "share", None, ""),
        f"{name}_wrong_of_the_decided": Figure(float(np.mean(wrong)), "share", None, ""),
        f"{name}_to_person_off_what_gold_said": Figure(
            100 * float(np.mean(np.abs(np.array(person) - said))), "points", None, ""
        ),
    }


def halves(examples: list[Example], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Rows of half of the seeds and of the other half, at most MOST of each."""
    families = sorted({one.family for one in examples})
    first = {families[i] for i in rng.permutation(len(families))[: len(families) // 2]}
    order = [int(i) for i in rng.permutation(len(examples))]
    gold = [i for i in order if examples[i].family in first][:MOST]
    return gold, [i for i in order if examples[i].family not in first][:MOST]


def same(
    encode: Encode, examples: list[Example], model: np.ndarray, *, draws: int, seed: int
) -> dict[str, Figure]:
    """New seeds of the same targets are alike; answers of a target that gold lacks are not."""
    x = np.hstack(
        [encode([e.question for e in examples]), encode([e.answer for e in examples])]
    ).astype(np.float64)
    family = np.array([one.family for one in examples])

    def alike(gold: Bools, new: Bools, draw: int) -> bool:
        names = (list(family[gold]), list(family[new]))
        return compare(x[gold], x[new], families=names, seed=draw).alike

    kept = 0
    for draw in range(draws):
        names = np.unique(family)
        first = np.random.default_rng([seed, draw]).permutation(names)[: len(names) // 2]
        gold = np.isin(family, first)
        kept += alike(gold, ~gold, draw)
    other = [not alike(model != name, model == name, seed) for name in np.unique(model)]
    return {
        "new_seeds_alike": Figure(kept / draws, "share", 0.95, "draws", at_least=True),
        "new_target_seen": Figure(float(np.mean(other)), "share", 1.0, "targets", at_least=True),
    }


def maps(
    members: list[Judge], examples: list[Example], y: Bools, model: np.ndarray, *, seed: int
) -> dict[str, Figure]:
    """Log loss of each way, families apart, and that of the way that is taken."""
    found = cross_fit(members, examples, y, seed=seed)
    families = [one.family for one in examples]
    p = cross_fit_ensemble(found.scores, y, families, names=found.members, seed=seed)
    tried = try_ways(p, y, list(model), families, seed=seed)
    note(f"  targets with labels: {tried.losses}, taken: {tried.way}")
    none = tried.losses[next(iter(WAYS))] or 0.0
    return {
        f"targets_log_loss_{way.replace(' ', '_')}": Figure(loss or 0.0, "nats", None, "")
        for way, loss in tried.losses.items()
    } | {"targets_log_loss_taken": Figure(tried.losses[tried.way] or 0.0, "nats", none, "no maps")}
