"""Magento (Adobe Commerce)."""
