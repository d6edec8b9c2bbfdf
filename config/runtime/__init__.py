"""Running the product: embedded servers, supervision, the first start."""
