"""The suppression list: identifiers of erased people, which must not come back."""
