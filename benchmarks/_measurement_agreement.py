"""Agreement: references to the printed digits, speed beside the `krippendorff` package, memory, the live
interval, and how often the interval for other raters covers the alpha of a large pool."""

import csv
import json
import os
import resource
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import krippendorff
import numpy as np
from _figures import Figure, note

from annotations.measurement import analytic, two_raters
from annotations.measurement.agreement import krippendorff_alpha
from annotations.measurement.bootstrap import Bootstrap, items_of, replicate, values_of
from annotations.measurement.coefficients import alpha_statistic
from annotations.measurement.contributions import Layout, Scoring, collapse
from annotations.measurement.counts import ValueCounts, count_values, counts_from_matrix
from annotations.measurement.live import LiveAgreement
from annotations.measurement.over_raters import over_raters
from annotations.measurement.rater_bootstrap import replicate_over_raters
from annotations.measurement.ratings import Ratings, counts_of, ratings_from_codes, read_ratings
from annotations.measurement.weights import Level, agreement_weights, squared_distances

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("EVALPLATFORM_DATA") or ROOT.parent / "shared" / "data")
N_ITEMS, N_RATERS, N_VALUES = 100_000, 50, 5
REPLICATES = 1_000
LEVELS: tuple[Level, ...] = ("nominal", "ordinal")
PACKAGE = "the krippendorff package, one call a resample, by counts"
# Three errors of irrCAC in Python with weights of a direction: see tests/.../test_agreement_references.
KNOWN = 3


def figures(options: Namespace) -> dict[str, Figure]:
    """Every figure of this section; those on published data only where these are."""
    quick, seed = options.quick, options.seed
    found: dict[str, Figure] = {}
    if DATA.is_dir():
        found |= references()
        found |= coverage(draws=200 if quick else 500, seed=seed)
    else:
        note(f"The published data sets are not in {DATA}: references and coverage are left out.")
    found |= speed(items=N_ITEMS, seed=seed)
    found |= memory()
    found |= live(items=2_000 if quick else 20_000, seed=seed)
    return found


def references() -> dict[str, Figure]:
    """How many of irrCAC's coefficients are ours, and how far alpha is from the package."""
    cases = json.loads((DATA / "irr_golden" / "irrcac_py_expected.json").read_text())
    values = sum(_equal(case, errors=False) for case in cases)
    whole = sum(_equal(case, errors=True) for case in cases)
    apart = max(_apart(read(), level) for read in (_harmbench, _xstest, _dices) for level in LEVELS)
    peer = "irrCAC, to the printed digits"
    return {
        "coefficients as in irrCAC": Figure(values, "of 159", 159, peer, at_least=True),
        "with error, interval, p": Figure(
            whole, "of 159", 159 - KNOWN, f"{peer}; {KNOWN} errors of its own", at_least=True
        ),
        "alpha from the package's": Figure(
            apart, "apart", 1e-10, "HarmBench, XSTest, DICES; nominal and ordinal"
        ),
    }


def speed(*, items: int, seed: int) -> dict[str, Figure]:
    """1,000 resamples of 100,000 x 50 x 5, over items and over items and raters."""
    found: dict[str, Figure] = {}
    said = _noisy(items, seed)
    counts = counts_from_matrix(_counted(said), values=list(range(N_VALUES)))
    ratings = _ratings(said, list(range(N_VALUES)))
    krippendorff_alpha(counts)  # loads what is loaded once
    for level in LEVELS:
        package = _best(lambda level=level: _package(counts, level), times=8)
        ours = _best(lambda level=level: krippendorff_alpha(counts, level=level), times=3)
        scoring = _scoring(level, N_VALUES)
        asked, few = {"alpha": alpha_statistic(scoring)}, Bootstrap(replicates=REPLICATES // 5)
        both = _best(lambda: replicate_over_raters(ratings, scoring, asked, few), times=1)  # noqa: B023
        note(
            f"{level}: package {package[0] * 1e3:.0f} ms a call ({REPLICATES:,} calls extrapolated)"
        )
        loop, peer = package[0] * REPLICATES, f"{PACKAGE}, s"
        found |= {
            f"{level}: s for 1,000 over items": Figure(ours[0], "s", None, peer, peer_value=loop),
            f"{level}: faster than the package": Figure(
                loop / ours[0], "times", 100, PACKAGE, at_least=True
            ),
            f"{level}: the same in CPU time": Figure(
                package[1] * REPLICATES / ours[1], "times", None, "threads count as work", True
            ),
            f"{level}: items and raters, faster": Figure(
                loop / (both[0] * 5), "times", 10, f"{PACKAGE}; a fifth extrapolated", at_least=True
            ),
        }
    return found


def memory() -> dict[str, Figure]:
    """How much more memory the process holds at its peak, in a process of its own."""
    code = (
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]; "
        "import _measurement_agreement as m; print(m.peak_of(int(sys.argv[3])))"
    )
    arguments = [str(ROOT), str(ROOT / "benchmarks"), str(N_ITEMS)]
    said = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return {
        "extra memory, 1,000 over items": Figure(
            float(said.stdout), "MB", 300, f"{N_ITEMS:,} items x {N_RATERS} raters, ordinal"
        )
    }


def peak_of(items: int) -> float:
    """Megabytes that ordinal alpha with its interval adds to the peak."""
    shares = np.random.default_rng(0).dirichlet(np.ones(N_VALUES), items)
    matrix = np.random.default_rng(1).multinomial(N_RATERS, shares)
    counts = counts_from_matrix(matrix, values=list(range(N_VALUES)))
    small = counts_from_matrix(counts.matrix[:2_000], values=counts.values)
    krippendorff_alpha(small, level="ordinal")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    krippendorff_alpha(counts, level="ordinal")
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def live(*, items: int, seed: int) -> dict[str, Figure]:
    """One more label and the new interval, at many items; the value beside the full one."""
    said = _noisy(items, seed, raters=3)
    found: dict[str, Figure] = {}
    for level in LEVELS:
        scoring = _scoring(level, N_VALUES)
        alive = LiveAgreement(range(N_VALUES), scoring, alpha_statistic(scoring))
        for item, labels in enumerate(said):
            for label in labels:
                alive.add(item, int(label))
        full = krippendorff_alpha(
            counts_from_matrix(_counted(said), values=list(range(N_VALUES))),
            level=level,
            bootstrap=Bootstrap(replicates=10),
        )
        apart = abs((alive.estimate().value or 0) - (full.value or 0))
        times = []
        for k in range(200):
            start = time.perf_counter()
            alive.add(k, 1)
            alive.estimate()
            times.append(time.perf_counter() - start)
        found |= {
            f"live {level}: label to interval": Figure(
                float(np.median(times)) * 1e3, "ms", 5, f"median at {items:,} items"
            ),
            f"live {level}: value from the full": Figure(
                apart, "apart", 1e-10, "all labels at once"
            ),
        }
    return found


def coverage(*, draws: int, seed: int) -> dict[str, Figure]:
    """How often the intervals cover the alpha of DICES' 123 raters, for few of them."""
    pool = _ratings_table()
    found: dict[str, Figure] = {}
    for level in LEVELS:
        scoring = _scoring(level, 3)
        asked = {"alpha": alpha_statistic(scoring)}
        truth = _point(_ratings(pool, ["No", "Unsure", "Yes"]), scoring)
        for raters, items in ((10, 350), (5, 100)):
            rng = np.random.default_rng(seed)
            inside = np.zeros(2)
            for draw in range(draws):
                kept = rng.choice(len(pool), items, replace=False)
                of = rng.choice(pool.shape[1], raters, replace=False)
                ratings = _ratings(pool[kept][:, of], ["No", "Unsure", "Yes"])
                one = over_raters(ratings, scoring, asked, Bootstrap(REPLICATES, draw))["alpha"]
                ends = np.quantile(_over_items(ratings, scoring, draw), [0.025, 0.975])
                inside += [one.low <= truth <= one.high, ends[0] <= truth <= ends[1]]
            share, items_only = inside / draws * 100
            name = f"{raters} x {items} {level}"
            peer = "over items only"
            found[f"raters cover, {name}, %"] = Figure(
                share, "%", 93, peer, at_least=True, peer_value=items_only
            )
            found[f"raters cover at most, {name}, %"] = Figure(share, "%", 97, "")
            note(f"DICES {name}: {share:.1f} % of {draws} (over items only {items_only:.1f} %)")
    return found


def _equal(case: dict[str, object], *, errors: bool) -> bool:
    """Whether a case of irrCAC is ours to its printed digits."""
    ours = _said(case)
    expected = case["expected"]
    keys = [k for k in expected if errors or k in ("coefficient_value", "pa", "pe")]
    return all(
        abs(ours[k] - expected[k]["value"])
        <= 0.5 * 10 ** -(expected[k]["round"] or (5 if k == "p_value" else case["digits"])) + 1e-9
        for k in keys
    )


def _said(case: dict[str, object]) -> dict[str, float]:
    found = _measured(case)
    low, high = found.interval()
    one_sided = case["kind"] == "raw" and case["coefficient"] == "bp"
    return {
        "coefficient_value": found.value, "pa": found.agreement, "pe": found.chance,
        "se": found.error, "confidence_interval.0": low, "confidence_interval.1": high,
        "p_value": found.p_value / 2 if one_sided else found.p_value,
    }  # fmt: skip


FILES = {
    "raw_4raters": "cac.raw4raters", "raw_5observers": "cac.raw5obser",
    "raw_g1g2": "cac.raw.g1g2", "raw_gender": "cac.raw.gender",
    "raw_ben_gerry": "cac.ben.gerry", "table_cont3x3abstractors": "cont3x3abstractors",
    "table_cont4x4diagnosis": "cont4x4diagnosis",
}  # fmt: skip
STEP = {5: 0.25, 4: 0.33, 3: 0.5}


def _custom(n: int) -> np.ndarray:
    """The weights that irrCAC's own tests call custom, for 3, 4 and 5 values."""
    if n == 4:
        return np.array(
            [[1, 0.67, 0.33, 0], [0, 1, 0.67, 0.33], [0, 0, 1, 0.67], [0.33, 0, 0, 1.0]]
        )
    row = 1 - STEP[n] * np.arange(n)
    return np.array([np.roll(row, k) for k in range(n)])


def _measured(case: dict[str, object]) -> analytic.Analytic:
    rows = _rows(f"irr_golden/{FILES[case['data']]}.csv")
    own = case["weights"] == "weights"
    if case["kind"] == "table":
        counts = np.array([[int(x) for x in list(row.values())[1:]] for row in rows])
        counts = counts.T if case["data"] == "table_cont4x4diagnosis" else counts
        n = len(counts)
        w = _custom(n) if own else agreement_weights(list(range(1, n + 1)), case["weights"])
        return TABLE[case["coefficient"]](two_raters.two_raters(counts, w))
    ratings = _raw(rows, numbers=case["data"] in ("raw_4raters", "raw_5observers"))
    n = len(ratings.values)
    w = _custom(n) if own else agreement_weights(ratings.values, case["weights"])
    scoring = Scoring(1 - w, w)
    if case["coefficient"] == "conger":
        return analytic.conger_error(ratings, scoring)
    return RAW[case["coefficient"]](counts_of(ratings), scoring)


RAW: dict[str, Callable[..., analytic.Analytic]] = {
    "bp": analytic.brennan_prediger_error, "gwet": analytic.gwet_error,
    "fleiss": analytic.fleiss_error, "krippendorff": analytic.alpha_error,
}  # fmt: skip
TABLE: dict[str, Callable[..., analytic.Analytic]] = {
    "bp": two_raters.brennan_prediger_of, "gwet": two_raters.gwet_of,
    "scott": two_raters.scott_of, "krippendorff": two_raters.alpha_of,
    "pa2": two_raters.percent_of, "cohen": two_raters.cohen_of,
}  # fmt: skip


def _raw(rows: list[dict[str, str]], *, numbers: bool) -> Ratings:
    raters = [name for name in rows[0] if name not in ("Unit", "Units", "Group")]
    return read_ratings(
        (
            u,
            rater,
            (int(row[rater]) if numbers else row[rater].strip()) if row[rater].strip() else None,
        )
        for u, row in enumerate(rows)
        for rater in raters
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _harmbench() -> Iterator[tuple[object, object, str]]:
    for row in _rows("harmbench_val_labels_only.csv"):
        for rater in ("human_0", "human_1", "human_2"):
            yield (row["item"], row["model"], row["method"]), rater, row[rater]


def _xstest() -> Iterator[tuple[object, object, str]]:
    for row in _rows("xstest_annotated.csv"):
        for rater in ("annotation_1", "annotation_2"):
            yield (row["id"], row["model"]), rater, row[rater]


def _dices() -> Iterator[tuple[object, object, str]]:
    for row in _rows("dices350_long.csv"):
        yield row["item"], row["rater"], row["label"]


def _apart(labels: Iterator[tuple[object, object, str]], level: Level) -> float:
    given = list(labels)
    counts = count_values(given, values=sorted({label for _, _, label in given}))
    ours = _alpha(counts, _scoring(level, len(counts.values)))
    return abs(ours - _package(counts, level))


def _package(counts: ValueCounts, level: Level) -> float:
    domain = list(range(len(counts.values)))
    return krippendorff.alpha(
        value_counts=counts.matrix, value_domain=domain, level_of_measurement=level
    )


def _scoring(level: Level, n_values: int) -> Scoring:
    return Scoring(squared_distances(list(range(n_values)), level), np.eye(n_values))


def _alpha(counts: ValueCounts, scoring: Scoring) -> float:
    statistic = alpha_statistic(scoring)
    items = items_of(collapse(counts), scoring, Layout(statistic.needs, len(counts.values)))
    return float(values_of(items.sums(items.whole()), {"alpha": statistic})["alpha"][0])


def _point(ratings: Ratings, scoring: Scoring) -> float:
    return _alpha(counts_of(ratings), scoring)


def _over_items(ratings: Ratings, scoring: Scoring, seed: int) -> np.ndarray:
    statistic = alpha_statistic(scoring)
    layout = Layout(statistic.needs, len(ratings.values))
    items = items_of(collapse(counts_of(ratings)), scoring, layout)
    return replicate(items, {"alpha": statistic}, Bootstrap(REPLICATES, seed))["alpha"]


def _noisy(items: int, seed: int, raters: int = N_RATERS) -> np.ndarray:
    """Labels (N, G): each rater says the truth in .6 of the items, else any value."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, N_VALUES, (items, 1), dtype=np.int32)
    right = rng.random((items, raters), dtype=np.float32) < 0.6
    return np.where(right, truth, rng.integers(0, N_VALUES, (items, raters), dtype=np.int32))


def _counted(said: np.ndarray) -> np.ndarray:
    return np.stack([(said == v).sum(axis=1) for v in range(N_VALUES)], axis=1)


def _ratings(said: np.ndarray, values: list[object]) -> Ratings:
    items, raters = said.shape
    return ratings_from_codes(
        np.repeat(np.arange(items, dtype=np.int32), raters),
        np.tile(np.arange(raters, dtype=np.int32), items), said.astype(np.int32).ravel(),
        items=range(items), raters=range(raters), values=values, ordered=True,
    )  # fmt: skip


def _ratings_table() -> np.ndarray:
    """DICES-350 (items, raters), No 0, Unsure 1, Yes 2."""
    items: dict[str, int] = {}
    raters: dict[str, int] = {}
    cells = [
        (items.setdefault(u, len(items)), raters.setdefault(g, len(raters)), label)
        for u, g, label in _dices()
    ]
    table = np.zeros((len(items), len(raters)), dtype=np.int32)
    for u, g, label in cells:
        table[u, g] = ("No", "Unsure", "Yes").index(label)
    return table


def _best(act: Callable[[], object], *, times: int) -> tuple[float, float]:
    """The median wall and CPU seconds: the machine may be busy with others."""
    wall, cpu = [], []
    for _ in range(times):
        start, spent = time.perf_counter(), time.process_time()
        act()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - spent)
    return float(np.median(wall)), float(np.median(cpu))
