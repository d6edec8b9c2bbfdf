"""The builder of automations: a trigger, steps with their ways, and rules, without JSON.

It is the builder of segments around other places: conditions inside of an automation are built by
that one, and the page's script is the same.
"""
