"""Model instances from one hand-written SELECT, for the few questions that every labelled case asks.

The ORM makes its SQL anew for each query, which costs several times what these queries cost the
database. Here the SQL is written once; what comes back are ordinary instances.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)


@cache
def fields_of(model: type[Model]) -> "tuple[Field[Any, Any], ...]":
    return tuple(model._meta.concrete_fields)


@cache
def columns(model: type[Model], alias: str) -> str:
    """The model's columns for a SELECT or RETURNING, in the order that `build` reads."""
    return ", ".join(f"{alias}.{field.column}" for field in fields_of(model))


@cache
def _names(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in fields_of(model))


@cache
def _converters(model: type[Model]) -> tuple[tuple[int, Any], ...]:
    """The places of the fields that read their column in a way of their own (JSON comes as text)."""
    return tuple(
        (place, getattr(field, "from_db_value"))  # noqa: B009 (the stubs don't know it)
        for place, field in enumerate(fields_of(model))
        if hasattr(field, "from_db_value")
    )


def build(model: type[M], row: Sequence[Any]) -> M:
    """The instance of a row of `columns`, as if the ORM had fetched it."""
    values = list(row)
    for place, convert in _converters(model):
        values[place] = convert(values[place], None, connection)
    return model.from_db(connection.alias, _names(model), values)


def split(row: Sequence[Any], *models: type[Model]) -> list[Sequence[Any]]:
    """A joined row cut into one part a model, in their order; what is left comes last."""
    parts, start = [], 0
    for model in models:
        end = start + len(fields_of(model))
        parts.append(row[start:end])
        start = end
    return [*parts, row[start:]]


def one(statement: str, values: Any) -> tuple[Any, ...] | None:
    """The first row of the last statement that gives rows, or None.

    Statements in one string travel together and are one transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone() if cursor.description else None
        while cursor.nextset():
            if cursor.description:
                row = cursor.fetchone()
        return row
