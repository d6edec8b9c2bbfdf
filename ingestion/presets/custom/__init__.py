"""Any tool that sends JSON, with a mapping of your own."""
