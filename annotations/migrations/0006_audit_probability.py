"""Each case keeps with which probability it was drawn into the audit slice."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Every case that has places was up for the draw once, at its project's share. Where that share was
# set to nothing since, the share of the cases that were drawn is all that is left of it.
_FILL = """
UPDATE annotations_case c SET audit_probability = CASE
    WHEN p.audit_share > 0 THEN p.audit_share ELSE d.drawn END
FROM annotations_project p
JOIN (SELECT project_id, avg(is_audit::int::float8) AS drawn FROM annotations_case k
      WHERE is_audit OR EXISTS (SELECT 1 FROM annotations_slot s WHERE s.case_id = k.id
                                AND s.purpose = 'label')
      GROUP BY project_id) d ON d.project_id = p.id
WHERE c.project_id = p.id
  AND (c.is_audit OR EXISTS (SELECT 1 FROM annotations_slot s WHERE s.case_id = c.id
                             AND s.purpose = 'label'))
"""


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(_FILL)


class Migration(migrations.Migration):
    dependencies = [
        ("annotations", "0005_a_looked_at_check_stands"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="audit_probability",
            field=models.FloatField(
                blank=True,
                help_text="With which probability the case was drawn into the audit slice, over all draws that it was up for, drawn or not. Empty: it was up for none.",
                null=True,
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("audit_probability__isnull", True),
                    models.Q(("audit_probability__gte", 0), ("audit_probability__lte", 1)),
                    _connector="OR",
                ),
                name="audit_probability_is_a_probability",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_audit", False),
                    models.Q(("audit_probability__gt", 0), ("audit_probability__isnull", False)),
                    _connector="OR",
                ),
                name="audited_cases_could_be_drawn",
            ),
        ),
    ]
