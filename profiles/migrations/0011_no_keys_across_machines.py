"""No foreign key reaches a row that lies on another machine where the database is a cluster."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('profiles', '0010_fact_numbers'),
    ]

    operations = [
        migrations.AlterField(
            model_name='identifier',
            name='profile',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='identifiers', to='profiles.profile'),
        ),
        migrations.AlterField(
            model_name='identitydecision',
            name='one',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='profiles.identifier'),
        ),
        migrations.AlterField(
            model_name='identitydecision',
            name='other',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='profiles.identifier'),
        ),
        migrations.AlterField(
            model_name='identityoutcome',
            name='identifier',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='profiles.identifier'),
        ),
        migrations.AlterField(
            model_name='identityoutcome',
            name='wanter',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='outcomes_wanted', to='profiles.identifier'),
        ),
        migrations.AlterField(
            model_name='merge',
            name='survivor',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='merges', to='profiles.profile'),
        ),
        migrations.AlterField(
            model_name='sourcerecord',
            name='identifier',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='records', to='profiles.identifier'),
        ),
        migrations.AlterField(
            model_name='sourcerecord',
            name='source',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='profiles.source'),
        ),
        migrations.AlterField(
            model_name='traitlock',
            name='identifier',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='trait_locks', to='profiles.identifier'),
        ),
    ]
