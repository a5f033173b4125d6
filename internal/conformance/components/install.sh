#!/bin/sh
# Installs the programs that the tests in this directory and in cmd/offboard/internal/webpage run,
# from Debian packages. Starts none of them, and does nothing if all are installed.
set -eu

absent=
postgres=$(echo /usr/lib/postgresql/*/bin) # where the package puts the programs of its version
need() { # PROGRAM PACKAGE...
  program=$1
  shift
  PATH="$PATH:/usr/sbin:/sbin:$postgres" command -v "$program" >/dev/null || absent="$absent $*"
}
need apache2 apache2-bin
need chromium chromium
need nginx nginx
need openssl openssl
need postgres postgresql
need tinyproxy tinyproxy-bin

[ -n "$absent" ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "not installed, and apt-get is missing:$absent" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "not installed, and only root can install it: apt-get install$absent" >&2
  exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# RUNLEVEL prevents the packages' scripts from starting services.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
# Update the package index only if the packages are not found.
# shellcheck disable=SC2086 # one argument for each package
if ! apt-get install -y -q --no-install-recommends $absent >"$log" 2>&1 &&
  ! { apt-get update -q && apt-get install -y -q --no-install-recommends $absent; } >>"$log" 2>&1; then
  cat "$log" >&2
  echo "apt-get could not install:$absent" >&2
  exit 1
fi
echo "installed:$absent"
