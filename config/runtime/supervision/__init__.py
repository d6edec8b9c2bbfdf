"""How `manage.py serve` keeps web, worker, beat and the embedded servers running, and ends them together."""
