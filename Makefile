# The pinned sets, with hashes for every platform. No index address is written into them.
UV = .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

.PHONY: requirements
requirements:
	$(UV) pyproject.toml -o requirements/base.txt
	$(UV) pyproject.toml --group dev -c requirements/base.txt -o requirements/dev.txt
	printf 'uv==%s\n' "$$(.venv/bin/uv --version | cut -d' ' -f2)" | $(UV) - -o requirements/uv.txt
