"""A sandbox that speaks WeChat Pay API v3: signatures both ways, cashier page, callbacks, bills.

Written from the gateway's published documents, apart from ``payments``: the two check each other.
Nothing here moves money. Run it with ``python -m tests.fakes.gateway --port 8200``.
"""
