#!/usr/bin/env bash
# Installs what is needed into .venv and passes all checks and tests. Works on a fresh machine with
# Python 3.11 or newer and pip.
set -euo pipefail
cd "$(dirname "$0")"

python="${PYTHON:-python3}"
[ -x .venv/bin/python ] || "$python" -m venv .venv
# shellcheck disable=SC1091
. .venv/bin/activate
pip install --quiet --constraint constraints.txt --editable ".[dev]"

ruff check .
ruff format --check .
mypy
lint-imports
tests/js/typecheck.sh
pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder "$@"
