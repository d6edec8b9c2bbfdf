"""The privacy journal: what people asked for, kept where no restored backup can undo it."""
