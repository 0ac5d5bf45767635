"""A large project out of a small one: cases copied in bulk by SQL, with all that hangs on them.

Column by column, without triggers and without checks of foreign keys, which imported rows have passed;
then the planner is told. It takes a minute for a million cases.
"""

from typing import Any

# Each with the columns that name rows of the tables before it.
COPIED = {
    "case": {},
    "slot": {"case_id": "case"},
    "annotation": {"case_id": "case", "slot_id": "slot"},
    "verdict": {"case_id": "case", "annotation_id": "annotation"},
}  # fmt: skip
NAMES = ("external_id", "family")


def multiply(slug: str, copies: int) -> None:
    """Copy the project's cases with all that hangs on them; a copy's id is the old one and a stride."""
    # Django has to be set up before its models can be imported.
    from django.db import connection, transaction  # noqa: PLC0415

    strides: dict[str, int] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger, no foreign key
        for table in COPIED:
            strides[table] = copy_rows(cursor, table, strides, slug=slug, copies=copies)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def copy_rows(cursor: Any, table: str, strides: dict[str, int], *, slug: str, copies: int) -> int:
    """One table's rows; the stride by which their ids were moved."""
    name = f"annotations_{table}"
    cursor.execute(f"SELECT max(id) FROM {name}")  # noqa: S608 - a table of ours
    (stride,) = cursor.fetchone()
    if stride is None:
        return 0
    cursor.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = %s AND is_generated = 'NEVER'", [name],
    )  # fmt: skip
    columns = [column for (column,) in cursor.fetchall()]
    moved = {"id": stride, **{column: strides[of] for column, of in COPIED[table].items()}}
    values = [value_of(column, moved) for column in columns]
    owner = "t.id" if table == "case" else "t.case_id"
    # By now the cases are there many times over: only what hangs on the first ones is copied.
    last = strides.get("case", stride)
    listed = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(
        f"INSERT INTO {name} ({listed}) OVERRIDING SYSTEM VALUE SELECT {', '.join(values)}"  # noqa: S608
        f" FROM generate_series(1, %s) AS copy (number) CROSS JOIN {name} t"
        f" JOIN annotations_case c ON c.id = {owner} AND c.id <= %s"
        " JOIN annotations_project p ON p.id = c.project_id AND p.slug = %s",
        [copies, last, slug],
    )
    newest = f"SELECT setval(pg_get_serial_sequence(%s, 'id'), max(id)) FROM {name}"  # noqa: S608
    cursor.execute(newest, [name])
    return int(stride)


def value_of(column: str, moved: dict[str, int]) -> str:
    """What a copy has in a column."""
    if column in moved:
        return f't."{column}" + copy.number * {moved[column]}'
    if column in NAMES:
        return f"t.\"{column}\" || '-' || copy.number"
    return f't."{column}"'
