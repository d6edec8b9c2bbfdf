"""Letters to people about their requests: the models of them, and what fills them in."""
