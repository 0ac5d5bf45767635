"""Evidence is hashed whatever its order, halves never cut a family, a case comes once."""

from dataclasses import replace

import numpy as np
import pytest

from campaigns.drafting.evidence import EvidenceSet, Sheet, half_a, snapshot_hash
from tests.campaigns.drafting.made_up import world


def test_snapshot_hash_ignores_order_and_sees_every_answer():
    evidence, _ = world(seed=1)
    backwards = replace(evidence, sheets=evidence.sheets[::-1])
    changed = replace(evidence.sheets[0], verdicts={"ann": "no", "ben": "cant_tell"})
    other = replace(evidence, sheets=(changed, *evidence.sheets[1:]))
    assert snapshot_hash(backwards) == snapshot_hash(evidence)
    assert snapshot_hash(other) != snapshot_hash(evidence)
    assert len(snapshot_hash(evidence)) == 64


def test_halves_are_even_and_never_cut_a_family():
    evidence, _ = world(seed=1, variants=4)
    in_a = half_a(evidence, seed=5)
    families = np.array([sheet.family for sheet in evidence.sheets])
    assert not set(families[in_a]) & set(families[~in_a])
    assert in_a.sum() == (~in_a).sum()
    assert (half_a(evidence, seed=6) != in_a).any()


def test_a_case_named_twice_is_refused():
    sheet = Sheet("c1", "text", "f1", {"ann": "yes"})
    with pytest.raises(ValueError, match="names a case twice"):
        EvidenceSet("mild", (sheet, sheet))


def test_lone_surrogates_in_a_text_do_not_stop_the_hash():
    evidence = EvidenceSet("mild", (Sheet("c1", "a\ud800b", "f\udfff", {"ann": "yes"}),))
    assert len(snapshot_hash(evidence)) == 64
    assert half_a(evidence, seed=1).tolist() == [True]
