"""Codes that people are given, such as vouchers."""
