"""What identity health found, day by day."""

from django.db import models


class HealthMeasure(models.Model):
    """What one check found on one day, in percent of the people it looked at. It names nobody."""

    day = models.DateField()
    key = models.CharField(max_length=32)
    value = models.FloatField(help_text="In percent of the people that it is about.")
    people = models.PositiveIntegerField(help_text="How many people of a sample it is about.")
    state = models.CharField(max_length=16)

    class Meta:
        ordering = ["-day", "key"]
        constraints = [
            models.UniqueConstraint(fields=["day", "key"], name="health_measure_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.value} %"
