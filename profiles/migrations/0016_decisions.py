"""Verdicts beside "not the same", with their history, and what undoing them needs."""

from typing import Any

import uuid_utils.compat
from django.db import migrations, models


def number_decisions(apps: Any, schema_editor: Any) -> None:
    """Give every decision a public id of its own: a default would give all the same one."""
    for decision in apps.get_model("profiles", "IdentityDecision").objects.all():
        decision.uuid = uuid_utils.compat.uuid7()
        decision.save(update_fields=["uuid"])


class Migration(migrations.Migration):
    dependencies = [("profiles", "0015_people_search")]

    operations = [
        migrations.RemoveConstraint("identitydecision", "identity_decision_pair"),
        migrations.RenameField("identitydecision", "kind", "verdict"),
        migrations.AlterField(
            "identitydecision",
            "verdict",
            models.CharField(
                choices=[
                    ("same", "the same person"),
                    ("not_same", "not the same person"),
                    ("related", "related, not the same person"),
                ],
                max_length=16,
            ),
        ),
        migrations.RemoveField("identitydecision", "actor"),
        migrations.AddField(
            "identitydecision", "actor", models.CharField(default="", max_length=120)
        ),
        migrations.AddField("identitydecision", "uuid", models.UUIDField(null=True)),
        migrations.RunPython(number_decisions, migrations.RunPython.noop),
        migrations.AlterField(
            "identitydecision",
            "uuid",
            models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True),
        ),
        migrations.AddField(
            "identitydecision",
            "survivor",
            models.UUIDField(
                blank=True, help_text="The public UUID that the profile keeps.", null=True
            ),
        ),
        migrations.AddField(
            "identitydecision",
            "is_of_staff",
            models.BooleanField(
                default=True,
                help_text="A service's verdict never joins two values of a unique key.",
            ),
        ),
        migrations.AddField(
            "identitydecision",
            "ended_at",
            models.DateTimeField(
                blank=True,
                help_text="When it was undone, or another verdict took its place.",
                null=True,
            ),
        ),
        migrations.AlterModelOptions("identitydecision", {"ordering": ["-pk"]}),
        migrations.AddConstraint(
            "identitydecision",
            models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("one", "other"),
                name="identity_decision_standing_pair",
            ),
        ),
        migrations.AddField(
            "identifier",
            "alone_seq",
            models.BigIntegerField(
                editable=False,
                help_text="The last fact before it got a profile of its own, since no fact kept it.",
                null=True,
            ),
        ),
        migrations.AddField(
            "merge",
            "undone_at",
            models.DateTimeField(
                blank=True, help_text="When the two sides were parted again.", null=True
            ),
        ),
    ]
