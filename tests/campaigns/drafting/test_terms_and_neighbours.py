"""Terms set a group apart, communities cross families, a cluster of noise is not stable."""

import numpy as np

from campaigns.drafting.evidence import family_codes
from campaigns.drafting.neighbours import communities, neighbour_pairs, stability, unit_rows
from campaigns.drafting.terms import distinguishing_terms
from tests.campaigns.drafting.made_up import world


def test_terms_are_those_of_the_group_and_not_the_common_ones():
    group = [f"the kettle and the teapot {i}" for i in range(20)]
    rest = [f"the bicycle and the bell {i}" for i in range(80)]
    assert set(distinguishing_terms(group, rest)) == {"kettle", "teapot"}
    assert distinguishing_terms(group, group) == ()
    assert distinguishing_terms([], rest) == ()


def test_a_text_that_repeats_itself_names_nothing():
    group = ["spam " * 500, *(f"the kettle {i}" for i in range(10))]
    assert "spam" not in distinguishing_terms(group, ["the bicycle"] * 40)


def test_terms_hold_no_markup():
    group = ["<script>alert(1)</script> kettle"] * 9
    assert all(term.isalpha() for term in distinguishing_terms(group, ["bicycle"] * 40))


def test_neighbours_are_of_other_families_or_only_of_the_own():
    evidence, embeddings = world(seed=2, variants=4)
    families, unit = family_codes(evidence), unit_rows(embeddings)
    apart, _ = neighbour_pairs(unit, families, k=3)
    kin, cosine = neighbour_pairs(unit, families, k=3, within=True)
    assert (families[apart[:, 0]] != families[apart[:, 1]]).all()
    assert (families[kin[:, 0]] == families[kin[:, 1]]).all()
    assert len(kin) == 40 * 6
    assert (cosine <= 1 + 1e-9).all()


def test_communities_are_the_topics_and_stay_when_clustered_again():
    evidence, embeddings = world(seed=2)
    families, unit = family_codes(evidence), unit_rows(embeddings)
    found = communities(unit, families, resolution=0.5, seed=1)
    topics = [{evidence.sheets[i].case_key.split("-")[0] for i in members} for members in found]
    assert sorted(len(names) for names in topics) == [1, 1, 1, 1]
    inside = np.isin(np.arange(len(unit)), list(found[0]))
    rng = np.random.default_rng(1)
    assert stability(inside, unit, families, resolution=0.5, rng=rng) >= 0.7


def test_a_random_set_of_cases_is_not_a_stable_cluster():
    evidence, embeddings = world(seed=2)
    inside = np.random.default_rng(3).random(len(embeddings)) < 0.25
    found = stability(
        inside,
        unit_rows(embeddings),
        family_codes(evidence),
        resolution=1.0,
        rng=np.random.default_rng(1),
    )
    assert found < 0.7
