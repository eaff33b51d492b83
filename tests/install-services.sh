#!/bin/sh
# Installs the real services the tests talk to, on Debian as root; elsewhere says what to install.
# Nothing here is needed to use Shouhu, and tests whose service is missing are skipped.
set -eu

PACKAGES="mosquitto mosquitto-clients influxdb victoria-metrics chromium postgresql fonts-noto-cjk"

installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    echo "For the tests against real services, install: mosquitto and its clients, InfluxDB 1.x, VictoriaMetrics, Chromium, PostgreSQL, a Chinese font."
    exit 0
fi

missing=""
for package in $PACKAGES; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "For the tests against real services: sudo apt-get install --no-install-recommends$missing"
    exit 0
fi

# The packages would start daemons on fixed ports; the tests start their own on free ones.
# Debian's way to say so, unless the machine has said something of its own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

echo "Installing for the tests against real services:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
apt-get -qq update >"$log" 2>&1 || echo "apt-get update failed; trying with the lists that are there" >&2
# One by one where all at once fails: a release without one of them still gets the others.
# shellcheck disable=SC2086
if ! apt-get -qq install -y --no-install-recommends $missing >"$log" 2>&1; then
    for package in $missing; do
        apt-get -qq install -y --no-install-recommends "$package" >"$log" 2>&1 ||
            echo "could not install $package; the tests that need it will be skipped" >&2
    done
fi
rm -f "$log"

# They are not to start at the next boot either, if this run installed them.
if command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    for package in $missing; do
        case $package in
            mosquitto | influxdb | victoria-metrics | postgresql)
                systemctl disable --now "$package" >/dev/null 2>&1 || true ;;
        esac
    done
fi
exit 0
