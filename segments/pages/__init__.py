"""The page outside of the admin on which whoever has a link fetches an export."""
