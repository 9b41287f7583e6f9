"""The demo's people and their histories, and the rehearsal patient. Installed with DEMO=1 only."""
