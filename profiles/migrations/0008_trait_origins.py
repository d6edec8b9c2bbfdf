"""Each trait says whose word it is."""

from django.db import migrations, models


from profiles.traits.origins import ORIGINS


def set_known_origins(apps, schema_editor):
    definitions = apps.get_model("profiles", "TraitDefinition").objects
    for origin in set(ORIGINS.values()):
        keys = [key for key, known in ORIGINS.items() if known == origin]
        definitions.filter(key__in=keys).update(origin=origin)


class Migration(migrations.Migration):

    dependencies = [
        ('profiles', '0007_order_and_spelling'),
    ]

    operations = [
        migrations.AddField(
            model_name='traitdefinition',
            name='origin',
            field=models.CharField(choices=[('given', 'the person said it'), ('observed', 'the person did it'), ('inferred', 'concluded by us'), ('unreviewed', 'not reviewed yet')], default='unreviewed', max_length=16),
        ),
        migrations.RunPython(set_known_origins, migrations.RunPython.noop),
    ]
