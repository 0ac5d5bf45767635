"""The named groups by which a project's figures are broken down, and their values."""

from django.db import connection

from annotations.models import Project

# More groups than this are no picture and no comparison, but a list of cases.
MAX_VALUES = 40
NONE = "none"
# What a case's target should have done: the one stratum whose values mean something to the product.
EXPECTED = "expected"

_VALUES = """
SELECT entry.key, entry.value, count(*)
FROM annotations_case c, jsonb_each_text(c.strata) AS entry
WHERE c.project_id = %s
GROUP BY entry.key, entry.value
ORDER BY entry.key, entry.value
"""


def values_of(project: Project) -> dict[str, dict[str, int]]:
    """Stratum -> value -> how many cases, for every stratum of this project."""
    with connection.cursor() as cursor:
        cursor.execute(_VALUES, [project.pk])
        found: dict[str, dict[str, int]] = {}
        for name, value, cases in cursor.fetchall():
            found.setdefault(name, {})[value or ""] = cases
    return found


def comparable(project: Project) -> dict[str, dict[str, int]]:
    """Those strata, with their values, that have few enough to be compared side by side."""
    return {
        name: values for name, values in values_of(project).items() if len(values) <= MAX_VALUES
    }


def names(project: Project) -> list[str]:
    """The names of the strata that can be compared."""
    return list(comparable(project))
