"""Fixed statements: prepared once a connection, sent together, the same rows with and without."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from annotations import rows

ADD = "SELECT %(one)s::int + %(two)s::int"
ECHO = "SELECT %(word)s::text"
SETTING = "SELECT current_setting('enable_sort')"


@pytest.mark.django_db
@pytest.mark.parametrize("prepare", [True, False])
def test_the_rows_are_the_same_prepared_or_not(settings: Any, prepare: bool) -> None:
    settings.PREPARE = prepare
    assert rows.one(ADD, values={"two": 2, "one": 40, "not_asked_for": 1}) == (42,)
    assert rows.every("SELECT generate_series(1, %(n)s::int)", values={"n": 3}) == [
        (1,),
        (2,),
        (3,),
    ]
    assert rows.one("SELECT 1 WHERE false", values={}) is None


@pytest.mark.django_db
@pytest.mark.parametrize("prepare", [True, False])
@pytest.mark.parametrize("word", ["'); DROP TABLE x; --", "50% of $1", "%(one)s", "\\", "كلمة"])
def test_a_value_is_never_a_part_of_the_statement(settings: Any, prepare: bool, word: str) -> None:
    settings.PREPARE = prepare
    assert rows.one(ECHO, values={"word": word}) == (word,)


@pytest.mark.django_db
def test_a_statement_is_prepared_once_and_is_one_question(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    text = "SELECT %(word)s::text || 'once'"
    with django_assert_num_queries(2):
        rows.one(text, values={"word": "a"})
        rows.one(text, values={"word": "b"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s",
                       ["%'once'"])  # fmt: skip
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
@pytest.mark.parametrize("prepare", [True, False])
def test_settings_travel_with_a_question_and_answer_nothing(settings: Any, prepare: bool) -> None:
    settings.PREPARE = prepare
    off, on = "SET LOCAL enable_sort = off", "SET LOCAL enable_sort = on"
    assert rows.one(ADD, off, SETTING, on, values={"one": 1, "two": 1}) == ("off",)
    assert rows.one(SETTING, values={}) == ("on",)


@pytest.mark.django_db
def test_a_refusal_is_django_s_own_error() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.one("SELECT %(n)s::int / 0", values={"n": 1})
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.one("SELECT nothing FROM nowhere", values={})
    assert rows.one(ADD, values={"one": 1, "two": 1}) == (2,)


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_prepares_anew() -> None:
    assert rows.one(ADD, values={"one": 1, "two": 1}) == (2,)
    connection.close()
    assert rows.one(ADD, values={"one": 1, "two": 2}) == (3,)
