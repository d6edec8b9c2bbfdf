"""The pages for customers, below `/privacy/`. They work without a script, in every language."""
