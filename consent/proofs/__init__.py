"""Proofs that staff hand out: that nothing of an erased person is left."""
