"""The consent ledger, the consent states computed from it, and the gate that reads them."""
