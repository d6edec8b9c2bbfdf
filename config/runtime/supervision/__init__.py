"""How `manage.py serve` keeps all programs running, and ends them together."""
