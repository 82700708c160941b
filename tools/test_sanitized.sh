#!/usr/bin/env bash
# Build the kernels with AddressSanitizer, away from the tree, and run what might make them read or
# write foreign memory: their tests, and streams with mistakes through the AMQP codec.
#   tools/test_sanitized.sh PYTHON FOLDER MUTATIONS [PYTEST ARGUMENTS...]
set -euo pipefail
python=$PWD/${1:?a Python with what the tests need}
folder=${2:?a folder to build in}
mutations=${3:?a number of streams}
cd "$(dirname "$0")/.."
root=$PWD
library=$(${CC:-gcc} -print-file-name=libasan.so)
[ -f "$library" ] || { echo "There is no AddressSanitizer: ${CC:-gcc} knows no libasan.so." >&2; exit 1; }

# -O1, or what the optimiser leaves out is not seen.
CFLAGS="-fsanitize=address -fno-omit-frame-pointer -O1" LDFLAGS="-fsanitize=address" \
    CLU_REQUIRE_EXTENSIONS=1 CLU_NO_EXTENSIONS=0 "$python" setup.py -q build \
    --build-base "$folder" --build-lib "$folder/lib"

# malloc, since AddressSanitizer sees only whole blocks of Python's own allocator; Python itself
# leaves objects behind when it ends, so leaks tell nothing.
export LD_PRELOAD=$library PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0
export PYTHONPATH=$root/$folder/lib:$root CLU_NO_EXTENSIONS=0
mkdir -p "$folder/empty"
cd "$folder/empty"  # Python imports what is here first
"$python" - "$root/$folder" <<'PROGRAM'
import sys
from clu._speedups import amqp_c, backend
assert set(backend().values()) == {"compiled"}, backend()
assert amqp_c.__file__.startswith(sys.argv[1]), amqp_c.__file__
with open("/proc/self/maps") as maps:
    assert "libasan" in maps.read()
print("Testing", amqp_c.__file__)
PROGRAM
# "append", or the kernels would be those of the tree.
"$python" -m pytest -q -p no:cacheprovider --import-mode append --timeout 0 \
    -c "$root/pyproject.toml" --rootdir "$root" "$root/tests/kernels" "${@:4}"
"$python" -m tests.kernels.fuzz_amqp "$mutations"
