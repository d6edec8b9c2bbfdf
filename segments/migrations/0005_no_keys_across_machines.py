"""No foreign key reaches a row that lies on another machine where the database is a cluster."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('segments', '0004_segments_set_apart'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notedprofile',
            name='rebuild',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='noted', to='segments.rebuild'),
        ),
    ]
