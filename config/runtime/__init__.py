"""Running the product: embedded servers, supervision of all programs, and the first start."""
