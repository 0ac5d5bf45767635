"""Consensus: how often it is wrong on crowd sets, and how fast beside crowd-kit.

Errors are of the method that is chosen without a look at gold. The goal for each set is the best
published of majority, Dawid-Skene, GLAD and MACE, or where none is published the best of majority and
Dawid-Skene in this run, plus half a point. Claimed beside right, before and after one temperature from
gold (each half of the items by the other's). Simulated worlds, of which the choice has never heard, say
how far it is behind the better of majority and Dawid-Skene. crowd-kit is installed into an environment
of its own and reads the same labels: the ratio is of CPU time, the posteriors are compared one by one.
"""

import csv
import json
import os
import subprocess
import tempfile
import time
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _figures import Figure, note
from _peer import installed
from numpy.typing import NDArray

from annotations.measurement.aggregation.answers import code_gold, error
from annotations.measurement.aggregation.choice import choose
from annotations.measurement.aggregation.dawid_skene import dawid_skene
from annotations.measurement.aggregation.em import Stop
from annotations.measurement.aggregation.labels import SparseLabels, code_labels, labels_from_arrays
from annotations.measurement.aggregation.methods import fit
from annotations.measurement.aggregation.tempering import calibration, temperature_on_gold

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("EVALPLATFORM_DATA") or ROOT.parent / "shared" / "data") / "crowd"
SETS = ("bluebird", "rte", "dog", "web", "d_product")
# Error in %, the best of the four methods that somebody published for the set.
PUBLISHED = {"d_product": 6.0}
HALF_A_POINT = 0.5
ROUNDS = 10
CROWD_KIT = ("crowd-kit==1.4.1", "pandas", "scikit-learn<1.9")
# What the peer runs: the labels in, CPU seconds and posteriors (sorted by item, values) out.
PEER = """
import json, sys, time
import numpy as np, pandas as pd
from crowdkit.aggregation import DawidSkene
found = np.load(sys.argv[1])
frame = pd.DataFrame({"task": found["item"], "worker": found["rater"], "label": found["value"]})
method = DawidSkene(n_iter=int(sys.argv[3]), tol=float("-inf"))
began = time.process_time()
method.fit(frame)
seconds = time.process_time() - began
probabilities = method.probas_.sort_index().sort_index(axis=1)
np.save(sys.argv[2], probabilities.to_numpy())
print(json.dumps({"seconds": seconds}))
"""


@dataclass(frozen=True)
class World:
    """Raters of known confusion matrices (R, K, K), items of known truth."""

    pi: NDArray[np.float64]
    items: int
    each: int
    prior: tuple[float, ...] | None = None

    def draw(self, rng: np.random.Generator) -> tuple[SparseLabels, NDArray[np.int64]]:
        """Labels by `each` random raters an item, and the truth (N,)."""
        R, K, _ = self.pi.shape
        truth = rng.choice(K, size=self.items, p=self.prior)
        item = np.repeat(np.arange(self.items), self.each)
        rater = np.argsort(rng.random((self.items, R)), axis=1)[:, : self.each].ravel()
        below = self.pi[rater, truth[item]].cumsum(axis=1)
        value = (rng.random(len(item))[:, None] > below).sum(axis=1).clip(max=K - 1)
        return labels_from_arrays(
            item, rater, value, items=range(self.items), raters=range(R), values=range(K)
        ), truth


def alike(raters: int, accuracy: float, values: int = 2) -> NDArray[np.float64]:
    """Raters that are right equally often."""
    wrong = (1 - accuracy) / (values - 1)
    return np.repeat(np.where(np.eye(values), accuracy, wrong)[None], raters, axis=0)


LENIENT, STRICT = [[0.95, 0.05], [0.45, 0.55]], [[0.6, 0.4], [0.05, 0.95]]
SAME_ANSWER = np.array([[[0.9, 0.1], [0.9, 0.1]]])
WORLDS = {
    "homogeneous": World(alike(20, 0.75), items=300, each=5),
    "spammers": World(
        np.concatenate([alike(5, 0.9), np.repeat(SAME_ANSWER, 8, axis=0)]), items=300, each=6
    ),
    "skewed": World(
        np.repeat(np.array([LENIENT, STRICT]), 6, axis=0), items=500, each=5, prior=(0.85, 0.15)
    ),
    "few_labels": World(alike(200, 0.75, values=4), items=200, each=4),
}


def figures(options: Namespace) -> dict[str, Figure]:
    """Errors where the sets are, and speed beside crowd-kit where it can be installed."""
    found: dict[str, Figure] = {}
    if DATA.is_dir():
        for name in SETS:
            found |= errors(name, seed=options.seed)
    else:
        note(f"The crowd sets are not in {DATA}: errors are left out.")
    found |= worlds(runs=3 if options.quick else 20, seed=options.seed)
    return found | speed(labels=200_000 if options.quick else 5_000_000, seed=options.seed)


def errors(name: str, *, seed: int) -> dict[str, Figure]:
    """Error of majority, Dawid-Skene and what is chosen, in per cent."""
    with (DATA / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = code_labels(
        ((row["item"], row["rater"], row["label"]) for row in rows), repeats="latest"
    )
    gold = code_gold(
        labels, {row["item"]: row["gold"].removesuffix(".0") for row in rows if row["gold"]}
    )
    choice = choose(labels, rng=np.random.default_rng(seed))
    by_votes = 100 * error(fit(labels, "majority").posterior, gold).value
    classic = 100 * error(dawid_skene(labels).posterior, gold).value
    chosen = 100 * error(choice.posterior, gold).value
    best = PUBLISHED.get(name, min(by_votes, classic))
    source = "best published" if name in PUBLISHED else "best of majority and Dawid-Skene here"
    told = calibration(choice.fit.posterior, gold, temperature_on_gold(choice.fit.posterior, gold))
    by_labels = calibration(choice.fit.posterior, gold, choice.temperature)
    note(f"{name}: {choice.fit.method} is chosen, after {choice.fit.iterations} rounds.")
    right = 100 * (told.right.value or 0)
    return {
        f"{name}_claimed": Figure(100 * told.claimed, "%", None, "right", peer_value=right),
        f"{name}_claimed_by_labels": Figure(
            100 * by_labels.claimed_tempered, "%", None, "right", peer_value=right
        ),
        f"{name}_claimed_by_gold": Figure(
            100 * told.claimed_tempered, "%", None, "right", peer_value=right
        ),
        f"{name}_majority_error": Figure(by_votes, "%", None, ""),
        f"{name}_dawid_skene_error": Figure(classic, "%", None, ""),
        f"{name}_chosen_error": Figure(
            chosen, "%", best + HALF_A_POINT, f"{source} + {HALF_A_POINT}", peer_value=best
        ),
    }


def worlds(*, runs: int, seed: int) -> dict[str, Figure]:
    """Points of error behind the better of majority and Dawid-Skene, on average over `runs`."""
    found = {}
    for name, world in WORLDS.items():
        behind = [world_behind(world, seed + run) for run in range(runs)]
        note(f"{name}: behind by {np.mean(behind):.2f} points, at worst {max(behind):.2f}.")
        found[f"{name}_behind"] = Figure(
            float(np.mean(behind)), "points", HALF_A_POINT, "the better of majority and Dawid-Skene"
        )
    return found


def world_behind(world: World, seed: int) -> float:
    """One run of a world: the chosen error less the better of the two, in points."""
    rng = np.random.default_rng(seed)
    labels, truth = world.draw(rng)
    chosen, by_votes, classic = (
        100 * error(one.posterior, truth).value
        for one in (choose(labels, rng=rng).fit, fit(labels, "majority"), dawid_skene(labels))
    )
    return float(chosen - min(by_votes, classic))


def speed(*, labels: int, seed: int) -> dict[str, Figure]:
    """CPU of Dawid-Skene with the same rounds, and how far the posteriors are apart."""
    made = noisy(labels, np.random.default_rng(seed))
    began = time.process_time()
    ours = dawid_skene(made, stop=Stop(max_iter=ROUNDS, tol=0.0))
    seconds = time.process_time() - began
    try:
        home = installed("crowd-kit", CROWD_KIT)
    except (OSError, subprocess.CalledProcessError) as problem:
        note(f"crowd-kit could not be installed ({problem}): no ratio.")
        return {"dawid_skene_seconds": Figure(seconds, "s of CPU", None, "")}
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "labels.npz", Path(folder) / "posteriors.npy"
        np.savez(given, item=made.item, rater=made.rater, value=made.value)
        command = [home / "bin" / "python", "-c", PEER, given, answer, str(ROUNDS)]
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        theirs = json.loads(said.stdout)["seconds"]
        apart = float(np.abs(np.load(answer) - ours.posterior).max())
    return {
        "dawid_skene_seconds": Figure(seconds, "s of CPU", None, "crowd-kit", peer_value=theirs),
        "dawid_skene_times_as_fast": Figure(
            theirs / seconds, "times", 6.0, "crowd-kit, same rounds", at_least=True
        ),
        "dawid_skene_posteriors_apart": Figure(apart, "", 1e-9, "crowd-kit"),
    }


def noisy(labels: int, rng: np.random.Generator) -> SparseLabels:
    """Five labels an item by raters of uneven skill, on four values."""
    items, raters, values = labels // 5, 500, 4
    truth = rng.integers(0, values, items)
    skill = rng.uniform(0.5, 0.95, raters)
    first = rng.integers(0, raters, items)
    rater = (first[:, None] + np.arange(5) * 97) % raters  # five different ones
    right = rng.random((items, 5)) < skill[rater]
    wrong = (truth[:, None] + rng.integers(1, values, (items, 5))) % values
    said = np.where(right, truth[:, None], wrong)
    return labels_from_arrays(
        np.repeat(np.arange(items), 5), rater.ravel(), said.ravel(), values=list(range(values))
    )
