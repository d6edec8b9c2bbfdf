"""Braintree."""
