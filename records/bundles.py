"""Batch and transaction Bundles."""
from typing import Any
from kernel.principal import Principal
def process(bundle: dict[str, Any], *, by: Principal) -> dict[str, Any]:
    """x"""
    raise NotImplementedError
