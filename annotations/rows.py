"""Model instances from one hand-written SELECT, for the few questions that every labelled case asks.

The ORM makes its SQL anew for each query, which costs several times what these queries cost the
database. Here the SQL is written once; what comes back are ordinary instances.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from django.conf import settings
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


# ---- statements that are written once


def one(*statements: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row of the last of these fixed statements, or None.

    They travel together and are one transaction; a SET between them is no question. Each takes what it
    needs of `values`, as %(name)s. Their texts must be few and fixed: each is prepared once on a
    connection, so that PostgreSQL plans it once and not at every request (docs/decisions/0007).
    """
    with connection.cursor() as cursor:
        _execute(cursor, statements, values)
        return cast("tuple[Any, ...] | None", cursor.fetchone())


def every(*statements: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of the last statement."""
    with connection.cursor() as cursor:
        _execute(cursor, statements, values)
        return cast("list[tuple[Any, ...]]", cursor.fetchall())


def change(*statements: str, values: Mapping[str, Any]) -> int:
    """How many rows the last statement changed."""
    with connection.cursor() as cursor:
        _execute(cursor, statements, values)
        return int(cursor.rowcount)


def _execute(cursor: Any, statements: Sequence[str], values: Mapping[str, Any]) -> None:
    """Leaves the cursor at the result of the last question."""
    questions = [place for place, text in enumerate(statements) if not text.startswith(_SET)]
    sent = list(statements)
    for place in questions if settings.PREPARE else ():
        sent[place] = _prepared(sent[place])
    cursor.execute("; ".join(sent), values)
    if len(sent) > 1:
        cursor.set_result(questions[-1])


@dataclass(frozen=True)
class Prepared:
    """A fixed statement as PostgreSQL's own PREPARE takes it, and what executes it."""

    prepare: str
    execute: str


# What each connection has prepared. A connection that is closed takes its statements with it.
_THERE: "WeakKeyDictionary[Any, set[str]]" = WeakKeyDictionary()
_SET = "SET "
_PARAMETER = re.compile(r"%\((\w+)\)s")


def _prepared(text: str) -> str:
    """What executes the statement on this connection, where it is prepared now if it was not yet.

    By SQL, because the driver's own prepared statements can't travel together. It is no question that a
    request asks, so it is not counted as one.
    """
    statement = _as_prepared(text)
    there = _THERE.setdefault(connection.connection, set())
    if text not in there:
        with connection.wrap_database_errors:
            connection.connection.execute(statement.prepare)
        there.add(text)
    return statement.execute


@cache
def _as_prepared(text: str) -> Prepared:
    names = list(dict.fromkeys(_PARAMETER.findall(text)))
    body = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text)
    name = f"fixed_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    given = f" ({', '.join(f'%({one})s' for one in names)})" if names else ""
    return Prepared(f"PREPARE {name} AS {body}", f"EXECUTE {name}{given}")
