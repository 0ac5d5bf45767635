"""Releases: gold frozen into an immutable, numbered, hashed set that exports and judges read."""

import hashlib
from typing import Any

import orjson
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from annotations import audit
from annotations.answers import Answer
from annotations.errors import BadInput
from annotations.models import Gold, Project, Release, ReleaseItem
from annotations.statuses import VerdictStatus

FORMAT = "evalplatform-gold/1"


def record_of(gold: Gold) -> dict[str, Any]:
    """One gold answer as the record that every export writes. Keys are in a fixed order."""
    case, decision = gold.case, gold.adjudication
    answer = Answer(VerdictStatus(gold.status), gold.value)
    return {
        "case": case.external_id,
        "family": case.family,
        "context": case.context,
        "conversation": case.conversation,
        "response": case.response,
        "strata": case.strata,
        "content_hash": case.content_hash,
        "criterion": gold.criterion.key,
        "rubric_version": gold.criterion_version.version.number,
        "answer": answer.word,
        "status": str(answer.status),
        "positive": answer.value in gold.criterion.positive if answer.value else None,
        "provenance": gold.provenance,
        "cause": decision.cause if decision else None,
        "n_raters": gold.n_raters,
        "dissent": gold.dissent,
        "simulated_raters": gold.is_simulated,
        "simulated_response": case.is_simulated,
    }


def ndjson_line(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS) + b"\n"


@transaction.atomic
def release(project: Project, *, by: User | None, note: str = "") -> Release:
    """Freeze the current gold. The same gold again gives the release that it already is.

    Raises `BadInput` when nothing is settled yet.
    """
    Project.objects.select_for_update().get(pk=project.pk)
    golds = list(
        Gold.objects.filter(project=project, superseded_at__isnull=True)
        .select_related("case", "criterion", "criterion_version__version", "adjudication")
        .order_by("case__external_id", "criterion__key")
    )
    if not golds:
        raise BadInput("No case is settled yet, so there is no gold to release. Label first.")
    records = [record_of(gold) for gold in golds]
    digest = hashlib.sha256()
    for record in records:
        digest.update(ndjson_line(record))
    latest = project.releases.order_by("-number").first()
    if latest is not None and latest.sha256 == digest.hexdigest():
        return latest
    number = (project.releases.aggregate(n=Max("number"))["n"] or 0) + 1
    made = Release.objects.create(
        project=project,
        number=number,
        rubric_version=golds[-1].criterion_version.version,
        n_items=len(records),
        sha256=digest.hexdigest(),
        manifest=manifest(records),
        note=note,
        created_by=by,
    )
    ReleaseItem.objects.bulk_create(
        (
            ReleaseItem(release=made, position=position, record=record)
            for position, record in enumerate(records, start=1)
        ),
        batch_size=1000,
    )
    audit.record("released gold", made, project=project, by=by, sha256=made.sha256)
    return made


def manifest(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What an exporter should know before using the set; travels with every export."""
    return {
        "format": FORMAT,
        "cases": len({record["case"] for record in records}),
        "by_provenance": {
            name: sum(1 for record in records if record["provenance"] == name)
            for name in sorted({record["provenance"] for record in records})
        },
        "simulated_raters": sum(1 for record in records if record["simulated_raters"]),
        "simulated_responses": sum(1 for record in records if record["simulated_response"]),
    }
