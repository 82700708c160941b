#!/usr/bin/env bash
# Get the shells, besides bash, whose completion is tested: Debian's packages, when run as root.
# The tests of a shell that is not there are skipped.
set -eu

missing=()
for shell in zsh fish; do
    command -v "$shell" >/dev/null || missing+=("$shell")
done
if [ ${#missing[@]} -eq 0 ] || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
echo "Installing ${missing[*]}, for the tests."
install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        >/dev/null 2>&1
}
install || { apt-get update -qq >/dev/null 2>&1 && install; } ||
    echo "They cannot be installed; the tests of their completion are skipped." >&2
