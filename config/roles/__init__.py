"""One module a process role, each with ``run(options)``."""
