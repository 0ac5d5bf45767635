"""On XSTest: twins with other verdicts are found, shuffled verdicts give nothing."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from campaigns.drafting.evidence import EvidenceSet, Sheet
from campaigns.drafting.patterns import mine


@pytest.fixture(scope="module")
def xstest():
    place = Path(os.environ.get("EVALPLATFORM_DATA", "../shared/data")) / "xstest_annotated.csv"
    if not place.exists():
        pytest.skip(f"{place} is not on this machine: set EVALPLATFORM_DATA to its folder")
    with place.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sheets = tuple(
        Sheet(
            case_key=f"{row['model']}:{row['id']}",
            text=f"{row['prompt']}\n{row['completion']}",
            family=row["prompt"],
            verdicts={"annotation_1": row["annotation_1"], "annotation_2": row["annotation_2"]},
            settled=row["final_label"],
        )
        for row in rows
    )
    words = TfidfVectorizer(min_df=2, sublinear_tf=True, stop_words="english")
    tfidf = words.fit_transform([sheet.text for sheet in sheets])
    return EvidenceSet("refusal", sheets), TruncatedSVD(50, random_state=0).fit_transform(tfidf)


def test_near_pairs_with_other_settled_answers_and_six_exemplars_are_found(xstest):
    evidence, embeddings = xstest
    report = mine(evidence, embeddings, seed=1)
    settled = {sheet.case_key: sheet.settled for sheet in evidence.sheets}
    pairs = [p.case_keys for p in report.patterns if p.kind == "disagreement_pair"]
    assert len(pairs) >= 5
    assert all(settled[one] != settled[other] for one, other in pairs)
    (exemplars,) = [p for p in report.patterns if p.kind == "exemplars"]
    assert exemplars.numbers["unanimous"] == 2250 - 81
    assert len(set(exemplars.roles)) == 3


def test_shuffled_over_cases_nothing_is_left(xstest):
    evidence, embeddings = xstest
    order = np.random.default_rng(7).permutation(len(evidence.sheets))
    dealt = tuple(
        replace(
            sheet,
            verdicts=evidence.sheets[i].verdicts,
            settled=evidence.sheets[i].settled,
        )
        for sheet, i in zip(evidence.sheets, order, strict=True)
    )
    report = mine(replace(evidence, sheets=dealt), embeddings, seed=1)
    assert report.tested > 0
    assert report.patterns == ()
