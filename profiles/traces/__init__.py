"""What others' rows say about people who were erased, and how it is taken out of them."""
