#!/usr/bin/env bash
# Build into dist/: the sdist, from it the pure wheel, and a compiled wheel for each interpreter.
#   tools/build_distributions.sh [PYTHON...]
set -euo pipefail
cd "$(dirname "$0")/.."
pythons=("${@:-python3}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build_with PYTHON ARGUMENTS...: python -m build in an environment of its own.
build_with() {
    local environment="$work/${1//\//_}"
    if [ ! -d "$environment" ]; then
        "$1" -m venv "$environment"
        "$environment/bin/python" -m pip install -q build
    fi
    "$environment/bin/python" -m build --outdir dist "${@:2}"
}

rm -rf dist
build_with "${pythons[0]}" --sdist .
# Wheels are built from the sdist, where neither git nor leftovers of this tree are seen.
mkdir "$work/source"
tar -xzf dist/*.tar.gz -C "$work/source" --strip-components 1
CLU_NO_EXTENSIONS=1 build_with "${pythons[0]}" --wheel "$work/source"
for python in "${pythons[@]}"; do
    rm -rf "$work/source/build"
    CLU_REQUIRE_EXTENSIONS=1 build_with "$python" --wheel "$work/source"
done
"${pythons[0]}" tools/check_distributions.py dist/*
