#!/bin/sh
# See that there is a Chromium for the tests of pages: one that is installed, or Debian's package.
set -eu

find_browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

if find_browser >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing chromium, for the tests."
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 || {
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends chromium >/dev/null
    }
    find_browser >/dev/null
    exit 0
fi
echo "The tests need Chromium: install the package chromium and run them again." >&2
exit 1
