"""Tests of orders, gateways and the ledger."""
