"""How the values of a namespace are spelled, and in which namespaces people were erased."""

from django.db import migrations, models


def keep_own_spellings(apps, schema_editor):
    rules = apps.get_model('profiles', 'IdentityRule').objects
    for namespace in ('email', 'phone'):
        rules.filter(namespace=namespace).update(normaliser=namespace)


class Migration(migrations.Migration):

    dependencies = [
        ('profiles', '0013_session_minutes'),
    ]

    operations = [
        migrations.CreateModel(
            name='ErasedNamespace',
            fields=[
                ('namespace', models.CharField(max_length=255, primary_key=True, serialize=False)),
            ],
            options={
                'ordering': ['namespace'],
            },
        ),
        migrations.AddField(
            model_name='identityrule',
            name='normaliser',
            field=models.CharField(choices=[('none', 'as it is sent'), ('lower', 'in small letters'), ('email', 'as an e-mail address'), ('phone', 'as a telephone number')], default='none', help_text='How values are spelled alike, so that each names one person. It is chosen before the first value comes, and stays.', max_length=8, verbose_name='spelling'),
        ),
        migrations.RunPython(keep_own_spellings, migrations.RunPython.noop),
    ]
