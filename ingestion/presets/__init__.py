"""Webhooks of shops and tools: one folder a tool, which says what its deliveries mean.

Adding a tool is copying a folder: `preset.py` names it and checks its signature, `mapping.yaml`
says which message each kind of delivery becomes, and `fixtures/` has deliveries with what they must
become, which one test walks.
"""
