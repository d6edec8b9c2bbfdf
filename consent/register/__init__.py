"""The register of processing of article 30, made of what the store itself goes by."""
