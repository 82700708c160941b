#!/usr/bin/env bash
# Run the tests against an installed distribution in a fresh environment, away from the tree.
#   tools/test_distribution.sh wheel|pure|sdist [PYTHON [PYTEST ARGUMENTS...]]
# The tests are those of the sdist in dist/; see build_distributions.sh.
set -euo pipefail
kind=${1:?wheel, pure or sdist}
python=${2:-python3}
dist=$(cd "$(dirname "$0")/../dist" && pwd)
tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
case $kind in
    wheel) file=$(echo "$dist"/*-"$tag"-"$tag"-*.whl) ;;
    pure) file=$(echo "$dist"/*-py3-none-any.whl) ;;
    sdist) file=$(echo "$dist"/*.tar.gz) ;;
    *) echo "There is no kind $kind: say wheel, pure or sdist." >&2; exit 2 ;;
esac
[ -f "$file" ] || { echo "There is no $file: say make wheels PYTHONS=$python." >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv"
echo "Installing $file"
CLU_REQUIRE_EXTENSIONS=1 PYTHONWARNINGS=ignore "$work/venv/bin/python" -m pip install -q "$file[test,demo,websockets]"
mkdir "$work/source"
tar -xzf "$dist"/*.tar.gz -C "$work/source" --strip-components 1
rm -r "$work"/source/{clu,pytest_clu.py}  # or Python would import it
cd "$work/source"
expected=compiled
[ "$kind" != pure ] || expected=interpreted
"$work/venv/bin/python" - "$expected" <<'PROGRAM'
import sys, clu
from clu._speedups import backend
print("Testing", clu.__version__, "in", clu.__file__, "on", sys.version.split()[0], backend())
assert "site-packages" in clu.__file__
assert (set(backend().values()) == {"compiled"}) == (sys.argv[1] == "compiled")
PROGRAM
"$work/venv/bin/python" -m tests.recorded_release
"$work/venv/bin/python" -m pytest -q -p no:cacheprovider "${@:3}"
