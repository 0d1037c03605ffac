#!/bin/sh
# Installs the system libraries Earshot needs on Debian; quick and silent when they are there. Nothing to do on a Mac.
set -eu
[ "$(uname -s)" = Linux ] || exit 0
list="$(dirname "$0")/requirements/debian.txt"
command -v dpkg-query >/dev/null 2>&1 || { echo "Not Debian: install the equivalents of $list yourself." >&2; exit 0; }
missing=""
while read -r package; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done <"$list"
[ -n "$missing" ] || exit 0
echo "Installing system libraries:$missing"
run=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Run this as root, or install:$missing" >&2; exit 1; }
    run="sudo"
fi
$run apt-get update -qq
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
