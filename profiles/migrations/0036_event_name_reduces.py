from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import migrations, models


def give_uuids(apps: Any, schema_editor: Any) -> None:
    event_names = apps.get_model("profiles", "EventName").objects
    rows = list(event_names.all())
    for row in rows:
        row.uuid = uuid4()
    event_names.bulk_update(rows, ["uuid"], batch_size=1000)


def reduce_orders(apps: Any, schema_editor: Any) -> None:
    """Let the refunds that came already reduce orders, as those that come do."""
    names = apps.get_model("profiles", "EventName").objects.filter(
        kind="track", name__in=settings.REDUCING_EVENTS
    )
    names.exclude(name=settings.ORDER_EVENT).update(reduces=settings.ORDER_EVENT)


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0035_reasons_about_several"),
    ]

    operations = [
        migrations.AddField(
            model_name="eventname",
            name="uuid",
            field=models.UUIDField(default=None, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="eventname",
            name="reduces",
            field=models.CharField(
                blank=True,
                default="",
                help_text=(
                    "The event whose net value this one reduces, as a refund does that of orders."
                ),
                max_length=255,
            ),
        ),
        migrations.RunPython(give_uuids, migrations.RunPython.noop),
        migrations.RunPython(reduce_orders, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="eventname",
            name="uuid",
            field=models.UUIDField(default=uuid4, editable=False, unique=True),
        ),
    ]
