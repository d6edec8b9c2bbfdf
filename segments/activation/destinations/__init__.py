"""Destinations: one folder a tool, which says how people are written to it and taken out again.

Adding a tool is copying a folder: `tool.py` names its settings, what it is sent by default, how
large its batches are, and makes its calls; `README.md` says how to set it up.
"""
