"""Rows by the hundred thousand: COPY in place of INSERT, for what an import writes."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, JSONField, Model
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

from annotations import rows


def new_ids(model: type[Model], count: int) -> list[int]:
    """Numbers for rows to come, so that others can point at them before they are written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [number for (number,) in cursor.fetchall()]


def load(
    model: type[Model], given: Sequence[str], values: Iterable[Sequence[Any]], **same: Any
) -> None:
    """Write one row for each of `values`, which are the fields `given`, by attname and in their order.

    `same` are fields that all rows share. The rest have their default, as in a new instance. Triggers
    and constraints see each row as they always do.
    """
    fields = {field.attname: field for field in rows.fields_of(model)}
    shared = {**_defaults(model, but={*given, *same}), **same}
    tail = tuple(_packed(fields[name], value) for name, value in shared.items())
    json_at = {place for place, name in enumerate(given) if isinstance(fields[name], JSONField)}
    listed = ", ".join(f'"{fields[name].column}"' for name in (*given, *shared))
    statement = f'COPY "{model._meta.db_table}" ({listed}) FROM STDIN'
    with (
        connection.wrap_database_errors, connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):  # fmt: skip
        for row in values:
            head = [json.dumps(one) if at in json_at else one for at, one in enumerate(row)]
            copy.write_row((*head, *tail))


def _packed(field: "Field[Any, Any]", value: Any) -> Any:
    return json.dumps(value) if isinstance(field, JSONField) else value


def _defaults(model: type[Model], *, but: set[str]) -> dict[str, Any]:
    """What a new instance has in its other fields; the key is left to the database."""
    now = timezone.now()
    found: dict[str, Any] = {}
    for field in rows.fields_of(model):
        if field.attname in but or field.primary_key or field.generated:
            continue
        if field.db_default is not NOT_PROVIDED:
            continue
        is_now = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
        found[field.attname] = now if is_now else field.get_default()
    return found
