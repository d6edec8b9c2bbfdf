"""Automations: from something that happens to a person to the steps that follow."""
