"""A pattern is told once by the cases that it cites; before, by its title."""

from django.db import migrations, models


def drop_open_twins(apps, schema_editor):
    """Of open proposals that cite the same cases, the oldest stays; a decided one always does."""
    Proposal = apps.get_model("campaigns", "Proposal")
    seen = set()
    rows = sorted(Proposal.objects.all(), key=lambda one: (one.status == "open", one.pk))
    for one in rows:
        key = (one.round_id, one.criterion_id, one.kind, tuple(one.case_ids))
        if key in seen and one.status == "open":
            one.delete()
        seen.add(key)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="proposal", name="proposal_once_a_round"),
        migrations.RunPython(drop_open_twins, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.UniqueConstraint(
                fields=("round", "criterion", "kind", "case_ids"), name="proposal_once_a_round"
            ),
        ),
    ]
