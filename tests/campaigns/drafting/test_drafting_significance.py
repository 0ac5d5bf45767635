"""Fisher and the permutation test against outside figures and limits."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from campaigns.drafting.significance import (
    excess,
    fewer_discordant,
    wilson,
)


def table(k_in: int, n_in: int, k_out: int, n_out: int):
    flagged = np.array([1] * k_in + [0] * (n_in - k_in) + [1] * k_out + [0] * (n_out - k_out))
    inside = np.array([1] * n_in + [0] * n_out)
    return flagged.astype(bool), inside.astype(bool)


@pytest.mark.parametrize("counts", [(3, 4, 1, 4), (8, 10, 1, 6), (12, 30, 15, 120)])
def test_excess_is_fishers_exact_test_where_families_are_single(counts):
    k_in, n_in, k_out, n_out = counts
    flagged, inside = table(*counts)
    single = np.arange(len(flagged))
    found = excess(flagged, inside, single)
    peer = fisher_exact([[k_in, n_in - k_in], [k_out, n_out - k_out]], alternative="greater")
    # Of single families the design effect is m / (m - 1): a little above one, never below.
    assert found.p_value >= peer.pvalue
    assert found.p_value <= 3 * peer.pvalue + 0.25
    assert (found.k_in, found.n_in, found.k_out, found.n_out) == counts


def test_variants_of_one_seed_are_not_independent_evidence():
    flagged, inside = table(20, 40, 20, 160)
    single, variants = np.arange(200), np.repeat(np.arange(20), 10)
    assert excess(flagged, inside, variants).p_value > excess(flagged, inside, single).p_value


def test_wilson_interval_of_a_published_example():
    """Newcombe 1998, table I: 81 of 263 has the 95 % score interval .2553 to .3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("blocks", [None, np.repeat(np.arange(20), 5)])
def test_permutation_p_is_small_for_like_pairs_and_not_for_unlike_ones(blocks):
    labels = np.repeat([0, 1], 50)
    alike = np.array([[i, i + 10] for i in range(0, 40)])
    unlike = np.array([[i, 99 - i] for i in range(0, 40)])
    rng = np.random.default_rng(1)
    assert fewer_discordant(labels, alike, rng=rng, blocks=blocks) < 0.01
    assert fewer_discordant(labels, unlike, rng=rng, blocks=blocks) == 1.0
    assert fewer_discordant(labels, alike[:0], rng=rng, blocks=blocks) == 1.0


def test_permutation_p_is_uniform_enough_under_the_null():
    rng = np.random.default_rng(4)
    families = np.repeat(np.arange(30), 4)
    pairs = rng.integers(0, 120, size=(150, 2))
    small = [
        fewer_discordant(
            np.repeat(rng.integers(0, 2, 30), 4), pairs, rng=rng, blocks=families, draws=199
        )
        <= 0.05
        for _ in range(200)
    ]
    assert np.mean(small) <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
