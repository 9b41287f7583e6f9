"""Orders, gateways and the ledger: knows a purpose, never a visit."""
