#!/bin/sh
# See that there is a RabbitMQ server for the tests: one that is installed, or Debian's package.
set -eu

find_server() {
    PATH="$PATH:/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/sbin" command -v rabbitmq-server
}

if find_server >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing rabbitmq-server, for the tests."
    # The tests start a broker of their own: the package must not start one as a service.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends rabbitmq-server >/dev/null 2>&1 || {
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends rabbitmq-server >/dev/null
    }
    find_server >/dev/null
    exit 0
fi
echo "The tests need a RabbitMQ server: install the package rabbitmq-server and run them again." >&2
exit 1
