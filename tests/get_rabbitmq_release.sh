#!/bin/sh
# See that there are RabbitMQ servers of the given releases for the tests, as tests/rabbitmq.py finds
# them: the installed one, or the one of another release of Debian in a folder of its own.
#   tests/get_rabbitmq_release.sh RELEASE...
set -eu

cache="${XDG_CACHE_HOME:-$HOME/.cache}/clu-test-brokers"

fail() {
    echo "The tests need RabbitMQ $1: $2." >&2
    exit 1
}

suite_of() {
    case $1 in
        3.10) echo bookworm ;;
        4.0) echo trixie ;;
        4.3) echo forky ;;
        *) fail "$1" "no release of Debian is known to have it" ;;
    esac
}

has_server() { # ROOT RELEASE
    ls -d "$1"/usr/lib/rabbitmq/lib/rabbitmq_server-"$2".* >/dev/null 2>&1
}

# What the machine's own packages come from.
find_mirror() {
    apt-get indextargets --format '$(LABEL) $(SITE)' 'Created-By: Packages' |
        sed -n 's/^Debian \(https\{0,1\}:.*\)/\1/p' | head -n 1
}

install_packages() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        debootstrap debian-archive-keyring >/dev/null 2>&1
}

prepare() { # RELEASES: see that they can be made
    [ "$(id -u)" = 0 ] || fail "$1" "only root can get it"
    command -v apt-get >/dev/null || fail "$1" "it comes from Debian, and this machine has no apt-get"
    unshare --mount true 2>/dev/null || fail "$1" "this machine does not let one mount"
    mirror=$(find_mirror)
    if [ -z "$mirror" ] || ! install_packages; then
        apt-get update -qq || true
        mirror=$(find_mirror)
        [ -n "$mirror" ] || fail "$1" "apt knows of no mirror of Debian to get it from"
        install_packages || fail "$1" "the package debootstrap cannot be installed"
    fi
    eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
    export http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}"
}

get() { # RELEASE
    suite=$(suite_of "$1")
    echo "Getting RabbitMQ $1 of Debian's $suite, for the tests."
    part="$cache/$1.part"
    rm -rf "$part" "${cache:?}/$1"
    mkdir -p "$part/usr/sbin" "$part/etc/dpkg/dpkg.cfg.d"
    # The tests start brokers of their own: the package must not start one.
    printf '#!/bin/sh\nexit 101\n' >"$part/usr/sbin/policy-rc.d"
    chmod +x "$part/usr/sbin/policy-rc.d"
    # The folder can be made anew: nothing need be on the disk at once.
    printf '%s\n' force-unsafe-io path-exclude=/usr/share/doc/\* path-exclude=/usr/share/man/\* \
        path-exclude=/usr/share/locale/\* >"$part/etc/dpkg/dpkg.cfg.d/tests"
    # What it mounts is gone when it ends, however it ends. An older debootstrap does not know later
    # releases by name, and makes them all in the same way, that of sid.
    unshare --mount --propagation private debootstrap --variant=minbase \
        --include=rabbitmq-server "$suite" "$part" "$mirror" \
        /usr/share/debootstrap/scripts/sid >"$cache/$1.log" 2>&1 ||
        fail "$1" "debootstrap failed, $cache/$1.log says why"
    has_server "$part" "$1" ||
        fail "$1" "Debian's $suite has $(cd "$part/usr/lib/rabbitmq/lib" && echo *)"
    echo "127.0.0.1 localhost" >"$part/etc/hosts"
    rm -rf "$part"/var/cache/apt/* "$part"/var/lib/apt/lists/*
    mv "$part" "$cache/$1"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
missing=
for release; do
    suite_of "$release" >/dev/null
    has_server "" "$release" || has_server "$cache/$release" "$release" && continue
    case " $missing " in *" $release "*) ;; *) missing="$missing $release" ;; esac
done
[ -n "$missing" ] || exit 0
prepare "${missing# }"
pids=
for release in $missing; do
    get "$release" &
    pids="$pids $!"
done
result=0
for pid in $pids; do
    wait "$pid" || result=1
done
exit $result
