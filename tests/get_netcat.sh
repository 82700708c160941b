#!/bin/sh
# Check that there is a netcat, which pages of the documentation use: an installed one, or Debian's package.
set -eu

if command -v nc >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing netcat-openbsd, for the tests."
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends netcat-openbsd >/dev/null 2>&1 || {
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends netcat-openbsd >/dev/null
    }
    command -v nc >/dev/null
    exit 0
fi
echo "The tests need netcat: install the package netcat-openbsd and run them again." >&2
exit 1
