"""Benchmarks: one module each with ``run(quick) -> figures``."""
