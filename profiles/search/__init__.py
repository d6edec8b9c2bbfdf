"""Finding people by what staff remember of them."""
