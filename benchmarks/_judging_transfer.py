"""Targets that no judge has seen, and gold of another domain: what holds, and what is not promised.

XSTest, refusal of any kind against full compliance: the refusal judge learns from four target models
and meets the fifth; 50 of its answers, drawn at random, are labelled for the recalibration, the rest
is the test (20 draws a model). Over-refusal of each model from 100 labels of its 250 safe prompts.
Domains: a harm judge calibrated on 300 gold cases of one set meets another; the false alarms that it
was bounded at .05 for are counted where the product promises, and whether it refuses elsewhere.
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
from scipy.special import logit

from annotations.measurement.prevalence.choice import shown
from annotations.measurement.prevalence.evidence import Evidence
from benchmarks._figures import Figure, note
from campaigns.embeddings import encoder
from campaigns.judging.discrimination import auroc
from campaigns.judging.examples import Example
from campaigns.judging.members import Encode
from campaigns.judging.members.embedding import EmbeddingJudge
from campaigns.judging.members.refusal import RefusalJudge
from campaigns.judging.sameness import compare
from campaigns.judging.thresholds import threshold_by_bound
from campaigns.judging.transfer import LABELS, learn_between, recalibrate
from campaigns.management.judging.cache import Cache

DATA = Path(
    os.environ.get("EVALPLATFORM_DATA", Path(__file__).resolve().parents[2] / "shared/data")
)
KEPT = Path(__file__).resolve().parents[1] / "var/benchmarks/transfer"
DRAWS, GOLD, BOUND = 20, 300, 0.05


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    """The figures of both parts."""
    if not (DATA / "xstest_annotated.csv").exists():
        note(f"transfer skipped: xstest_annotated.csv is not in {DATA} (set EVALPLATFORM_DATA)")
        return {}
    coder = encoder()
    encode = Cache(KEPT).encode(coder.encode, coder.revision, progress=lambda done, of: None)
    draws = 4 if options.quick else DRAWS
    return targets(encode, coder.revision, draws, options.seed) | domains(
        encode, coder.revision, draws, options.seed
    )


def targets(encode: Encode, revision: str, draws: int, seed: int) -> dict[str, Figure]:
    """Leave one target model out."""
    rows = read("xstest_annotated.csv")
    cases = [
        example(f"{n}", row["prompt"], row["completion"], row["id"]) for n, row in enumerate(rows)
    ]
    y = np.array([row["final_label"] != "1_full_compliance" for row in rows])
    model = np.array([row["model"] for row in rows])
    safe = np.array([row["prompt_label"] == "safe" for row in rows])
    judge = RefusalJudge(encode, revision)

    def odds(fit: np.ndarray, score: np.ndarray) -> np.ndarray:
        chosen = [cases[at] for at in np.flatnonzero(fit)]
        p = judge.fit(chosen, y[fit], seed=seed).score([cases[at] for at in np.flatnonzero(score)])
        return np.asarray(logit(np.clip(p, 1e-6, 1 - 1e-6)))

    before, after, areas, misses, covered = {}, {}, {}, {}, {}
    for name in np.unique(model):
        new, old = model == name, model != name
        s_old = np.empty(int(old.sum()))
        for other in np.unique(model[old]):  # the other targets as unseen ones: how targets differ
            s_old[model[old] == other] = odds(old & (model != other), model == other)
        between = learn_between(s_old, y[old], list(model[old]))
        s, gold = odds(old, new), y[new]
        areas[name] = auroc(s, gold).value
        before[name] = float(((s > 0) == gold).mean())
        right, miss, holds = [], [], []
        for draw in range(draws):
            rng = np.random.default_rng([seed, draw])
            seen = np.zeros(len(gold), dtype=bool)
            seen[rng.choice(len(gold), LABELS, replace=False)] = True
            p = recalibrate(s[seen], gold[seen], between=between).apply(s)
            right.append(float(((p >= 0.5) == gold)[~seen].mean()))
            part = safe[new]
            labels = np.full(int(part.sum()), np.nan)
            chosen = rng.choice(len(labels), 100, replace=False)
            labels[chosen] = gold[part][chosen]
            found = shown(Evidence(p[part], labels))
            truth = float(gold[part].mean())
            miss.append(abs((found.value or 0.0) - truth))
            holds.append((found.low or 0.0) - 1e-12 <= truth <= (found.high or 0.0) + 1e-12)
        after[name], misses[name], covered[name] = np.mean(right), np.mean(miss), np.mean(holds)
        note(f"  {name}: area {areas[name]:.3f}, accuracy {before[name]:.3f} -> {after[name]:.3f} "
             f"(worst draw {min(right):.3f}); over-refusal off by {misses[name]:.3f} on average, "
             f"{max(miss):.3f} at most, covered {covered[name]:.2f}")  # fmt: skip
    return {
        "xstest_unseen_accuracy": Figure(float(np.mean(list(before.values()))), "share", None,
                                         "prototype", at_least=True, peer_value=0.877),
        "xstest_recalibrated_accuracy": Figure(float(np.mean(list(after.values()))), "share", 0.95,
                                               "GPT-4", at_least=True, peer_value=0.821),
        "xstest_recalibrated_worst_model": Figure(float(min(after.values())), "share", 0.93,
                                                  "prototype, not recalibrated", at_least=True,
                                                  peer_value=0.578),
        "xstest_least_area": Figure(float(min(areas.values())), "area", None, "", at_least=True),
        "overrefusal_error_worst_model": Figure(100 * float(max(misses.values())), "points", 4.0,
                                                "mean over draws"),
        "overrefusal_covered": Figure(float(np.mean(list(covered.values()))), "share", 0.93,
                                      "95 % interval", at_least=True),
    }  # fmt: skip


def domains(encode: Encode, revision: str, draws: int, seed: int) -> dict[str, Figure]:
    """300 gold cases of one set; new cases of the same and of every other set."""
    sets = {name: load() for name, load in SETS.items() if (DATA / FILES[name]).exists()}
    promised, kept, refused, asked, worst = 0, 0, 0, 0, []
    for home, (cases, y) in sets.items():
        for draw in range(max(1, draws // 4)):
            rng = np.random.default_rng([seed, draw])
            order = rng.permutation(len(cases))
            learn, gold, rest = np.split(order, [len(order) // 2, len(order) // 2 + GOLD])
            judge = EmbeddingJudge(encode, revision).fit(
                [cases[i] for i in learn], y[learn], seed=draw
            )
            at_gold = [cases[i] for i in gold]
            t = threshold_by_bound(judge.score(at_gold), y[gold], bound=BOUND)
            x = encode([one.answer for one in at_gold])
            for away, (others, labels) in sets.items():
                new = rest[:1000] if away == home else rng.permutation(len(others))[:1000]
                chosen = [others[i] for i in new]
                alike = compare(x, encode([one.answer for one in chosen]), seed=draw).alike
                alarms = float((judge.score(chosen) >= t.value)[~labels[new]].mean())
                asked += 1
                refused += not (alike and t.promised)
                if alike and t.promised:
                    promised += 1
                    kept += abs(alarms - BOUND) <= 0.02
                    worst.append(alarms - BOUND)
                note(f"  gold of {home}, cases of {away}: false alarms {alarms:.3f}, "
                     f"{'promised' if alike and t.promised else 'not promised'}")  # fmt: skip
    return {
        "domains_promised": Figure(float(promised), "of " + str(asked), None, "", at_least=True),
        "domains_mean_off_where_promised": Figure(100 * abs(float(np.mean(worst))), "points", 2.0, "mean"),
        "domains_kept_within_2_points": Figure(kept / max(1, promised), "share", 1.0, "promises",
                                               at_least=True),
    }  # fmt: skip


def read(name: str) -> list[dict[str, str]]:
    """The rows of a file."""
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def example(key: str, prompt: str, response: str, family: str) -> Example:
    return Example(key, family, "", (), prompt, response)


def xstest() -> tuple[list[Example], np.ndarray]:
    """Answers that refuse in any way."""
    rows = read("xstest_annotated.csv")
    cases = [example(str(n), r["prompt"], r["completion"], r["id"]) for n, r in enumerate(rows)]
    return cases, np.array([r["final_label"] != "1_full_compliance" for r in rows])


def diasafety() -> tuple[list[Example], np.ndarray]:
    """Unsafe answers in dialogues."""
    rows = read("diasafety_train.csv")[:3000]
    cases = [example(str(n), r["context"], r["response"], r["context"]) for n, r in enumerate(rows)]
    return cases, np.array([r["label"] == "Unsafe" for r in rows])


SETS = {"xstest": xstest, "diasafety": diasafety}
FILES = {"xstest": "xstest_annotated.csv", "diasafety": "diasafety_train.csv"}
