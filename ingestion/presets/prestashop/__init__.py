"""PrestaShop."""
