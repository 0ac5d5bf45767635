"""Suspensions with their evidence, alarms of drift, and the gate of a rubric version."""

import annotations.statuses
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotations", "0006_audit_probability"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="GateLook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("cases", models.JSONField(help_text="Ids of the pilot's cases.")),
                (
                    "labels_sha256",
                    models.CharField(
                        help_text="Over (case, rater, criterion, answer) in order.", max_length=64
                    ),
                ),
                ("n_raters", models.PositiveSmallIntegerField()),
                (
                    "results",
                    models.JSONField(help_text="Criterion key -> state, marks, estimates, advice."),
                ),
                (
                    "is_passed",
                    models.BooleanField(help_text="Every criterion that has a gate is past it."),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gate_looks",
                        to="annotations.rubricversion",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="GateMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("alpha", models.FloatField()),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "criterion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="annotations.criterion",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gate_marks",
                        to="annotations.rubricversion",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="GateSignature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_lead", models.BooleanField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "look",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="annotations.gatelook",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Suspension",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "arm",
                    models.CharField(
                        choices=[
                            ("blind", "blind"),
                            ("reveal", "reveal"),
                            ("evidence", "evidence"),
                            ("shown", "shown"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "evidence",
                    models.JSONField(
                        default=dict, help_text="The rule's figures when it was stopped."
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(blank=True, help_text="Why the arm goes on.")),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the rule.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suspensions",
                        to="annotations.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DriftAlarm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("checks", "checks"), ("repeats", "repeats"), ("rate", "rate")],
                        max_length=16,
                    ),
                ),
                ("is_rise", models.BooleanField()),
                (
                    "began_at",
                    models.DateTimeField(help_text="When the change is estimated to have begun."),
                ),
                (
                    "raised_at",
                    models.DateTimeField(
                        help_text="When the answer was given that raised the alarm."
                    ),
                ),
                (
                    "cases",
                    models.JSONField(
                        default=list, help_text="Ids of the cases from the one to the other."
                    ),
                ),
                ("found_at", models.DateTimeField(auto_now_add=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True, help_text="What was found, and done.")),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "criterion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="annotations.criterion",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drift_alarms",
                        to="annotations.project",
                    ),
                ),
                (
                    "rater",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: of all raters together.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drift_alarms",
                        to="annotations.rater",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "kind", "criterion", "rater", "is_rise", "raised_at"),
                        name="drift_alarm_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closed_at__isnull", True),
                            models.Q(
                                ("closed_by__isnull", False), models.Q(("note", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="who_closes_an_alarm_says_what_was_found",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="gatelook",
            constraint=models.UniqueConstraint(
                fields=("version", "number"), name="gate_look_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="gatelook",
            constraint=models.UniqueConstraint(
                fields=("version", "labels_sha256"), name="one_look_at_the_same_labels"
            ),
        ),
        migrations.AddConstraint(
            model_name="gatelook",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1), ("number__lte", 3)),
                name="at_most_three_looks",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatelook",
            trigger=pgtrigger.compiler.Trigger(
                name="gate_looks_are_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="0e8f80dd46e007b35787e319194b6600342e3ad8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_gate_looks_are_kept_7673d",
                    table="annotations_gatelook",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="gatemark",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="another_mark_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="gatemark",
            constraint=models.CheckConstraint(
                condition=models.Q(("alpha__gt", 0), ("alpha__lt", 1)),
                name="gate_mark_is_between_0_and_1",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatemark",
            trigger=pgtrigger.compiler.Trigger(
                name="gate_marks_are_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5692b50be157579087458732dd5ea649dbfe37fa",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_gate_marks_are_kept_2f0bc",
                    table="annotations_gatemark",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="gatesignature",
            constraint=models.UniqueConstraint(fields=("look", "by"), name="a_person_signs_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gatesignature",
            trigger=pgtrigger.compiler.Trigger(
                name="signatures_are_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="7816969fa9af9ae675169f7f0ba6113c3be264b4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_signatures_are_kept_928b4",
                    table="annotations_gatesignature",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="suspension",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("project", "arm"),
                name="one_suspension_an_arm",
            ),
        ),
        migrations.AddConstraint(
            model_name="suspension",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True),
                    models.Q(("ended_by__isnull", False), models.Q(("reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="who_resumes_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="suspension",
            constraint=models.CheckConstraint(
                condition=models.Q(("arm", annotations.statuses.Arm["BLIND"]), _negated=True),
                name="blind_is_never_suspended",
            ),
        ),
    ]
