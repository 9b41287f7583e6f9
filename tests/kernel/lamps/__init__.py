"""A small app whose lamps go on and off: what the kernel's tests turn."""
