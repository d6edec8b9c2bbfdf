"""Privacy requests of customers, from receipt to fulfilment."""
