"""The ledger: who may send what, where, now; and what became of it."""
