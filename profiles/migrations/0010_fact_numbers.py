"""The number of a fact becomes its primary key, which saves two indexes and a look-up per fact."""

import django.db.models.deletion
from django.db import migrations, models

# Gives outcomes and merges the number of their fact in place of its former id. SQL, because the ORM
# cannot update from a join.
NUMBER_OUTCOMES = """
UPDATE profiles_identityoutcome o SET fact_id = f.seq
FROM profiles_identityfact f WHERE f.id = o.fact_id
"""
NUMBER_MERGES = """
UPDATE profiles_merge m SET fact_id = f.seq FROM profiles_identityfact f WHERE f.id = m.fact_id
"""


def fact_key(*, of_outcomes: bool, is_constrained: bool) -> models.Field:
    if of_outcomes:
        return models.ForeignKey(
            "profiles.identityfact",
            on_delete=django.db.models.deletion.CASCADE,
            related_name="outcomes",
            db_constraint=is_constrained,
        )
    return models.ForeignKey(
        "profiles.identityfact",
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        db_constraint=is_constrained,
    )


class Migration(migrations.Migration):
    dependencies = [("profiles", "0009_source_origins")]

    operations = [
        migrations.AlterField(
            "identityoutcome", "fact", fact_key(of_outcomes=True, is_constrained=False)
        ),
        migrations.AlterField("merge", "fact", fact_key(of_outcomes=False, is_constrained=False)),
        migrations.RunSQL([NUMBER_OUTCOMES, NUMBER_MERGES]),
        migrations.RemoveField("identityfact", "id"),
        migrations.AlterField(
            "identityfact", "seq", models.BigIntegerField(primary_key=True, serialize=False)
        ),
        migrations.AlterField(
            "identityoutcome", "fact", fact_key(of_outcomes=True, is_constrained=True)
        ),
        migrations.AlterField("merge", "fact", fact_key(of_outcomes=False, is_constrained=True)),
    ]
