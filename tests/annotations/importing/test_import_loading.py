"""COPY writes what INSERT would: every default, JSON, hostile text; constraints and triggers hold."""

import pytest
from django.db import IntegrityError, transaction

from annotations.importing.loading import load, new_ids
from annotations.models import Batch, Case, Slot
from tests.world import World

NAMES = ("id", "external_id", "family", "conversation", "response", "strata", "content_hash")
HOSTILE = "tab\t newline\n back\\slash \\N \u202e NULL “quotes” 'and' \"more\""


def row(pk: int, name: str) -> tuple[object, ...]:
    return (pk, name, HOSTILE, [{"role": "user", "content": HOSTILE}], HOSTILE, {"a": HOSTILE}, "h")


def loaded(world: World, *names: str) -> list[Case]:
    ids = new_ids(Case, len(names))
    batch = Batch.objects.create(project=world.project, name="b", source="s")
    load(Case, NAMES, [row(*one) for one in zip(ids, names, strict=True)],
         project_id=world.project.pk, batch_id=batch.pk, overlap=1)  # fmt: skip
    return list(Case.objects.filter(pk__in=ids).order_by("pk"))


def test_a_loaded_row_is_what_an_inserted_one_is(world: World) -> None:
    (case,) = loaded(world, "one")
    given = dict(zip(NAMES, row(case.pk, "twin"), strict=True))
    del given["id"]
    twin = Case.objects.create(project=world.project, batch=case.batch, overlap=1, **given)
    twin.refresh_from_db()
    differ = {
        field.attname
        for field in Case._meta.concrete_fields
        if getattr(case, field.attname) != getattr(twin, field.attname)
    }
    assert differ == {"id", "external_id", "created_at"}


def test_numbers_are_drawn_from_the_table_s_own(world: World) -> None:
    first, second = loaded(world, "one", "two")
    assert first.pk < second.pk < world.make_case(slots=False).pk


def test_what_the_database_refuses_it_refuses_here_too(world: World) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        loaded(world, "same", "same")
    (case,) = loaded(world, "one")
    places = [(case.pk, number) for number in (1, 2)]
    with pytest.raises(IntegrityError, match="over the case's overlap"), transaction.atomic():
        load(Slot, ("case_id", "number"), places, project_id=world.project.pk,
             rubric_version_id=world.rubric.pk)  # fmt: skip
    assert not Slot.objects.filter(case=case).exists()
