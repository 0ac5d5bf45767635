"""Consensus: how often it is wrong on crowd sets, and how fast beside crowd-kit.

Errors are of the method that is chosen without a look at gold. The goal for each set is the best
published of majority, Dawid-Skene, GLAD and MACE, or where none is published the best of majority and
Dawid-Skene in this run, plus half a point. crowd-kit is installed into an environment of its own and
reads the same labels: the ratio is of CPU time, the posteriors are compared one by one.
"""

import csv
import json
import os
import subprocess
import tempfile
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
from _figures import Figure, note
from _peer import installed

from annotations.measurement.aggregation.answers import code_gold, error
from annotations.measurement.aggregation.choice import choose
from annotations.measurement.aggregation.dawid_skene import dawid_skene
from annotations.measurement.aggregation.em import Stop
from annotations.measurement.aggregation.labels import SparseLabels, code_labels, labels_from_arrays
from annotations.measurement.aggregation.methods import fit

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


def figures(options: Namespace) -> dict[str, Figure]:
    """Errors where the sets are, and speed beside crowd-kit where it can be installed."""
    found: dict[str, Figure] = {}
    if DATA.is_dir():
        for name in SETS:
            found |= errors(name, seed=options.seed)
    else:
        note(f"The crowd sets are not in {DATA}: errors are left out.")
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
    note(f"{name}: {choice.fit.method} is chosen.")
    return {
        f"{name}_majority_error": Figure(by_votes, "%", None, ""),
        f"{name}_dawid_skene_error": Figure(classic, "%", None, ""),
        f"{name}_chosen_error": Figure(
            chosen, "%", best + HALF_A_POINT, f"{source} + {HALF_A_POINT}", peer_value=best
        ),
    }


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
