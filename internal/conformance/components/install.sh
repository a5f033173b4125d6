#!/bin/sh
# Installs the programs that the tests in this folder run, from Debian's own
# packages. Starts none of them, and does nothing where all are there.
set -eu

absent=
need() { # PROGRAM PACKAGE...
  program=$1
  shift
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || absent="$absent $*"
}
need apache2 apache2-bin
need nginx nginx
need openssl openssl
need tinyproxy tinyproxy-bin

[ -n "$absent" ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "absent, and there is no apt-get to install it:$absent" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "absent, and only root can install it: apt-get install$absent" >&2
  exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# RUNLEVEL keeps the packages' scripts from starting services.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
# The index is fetched only where the packages are not found in the one there is.
# shellcheck disable=SC2086 # one argument for each package
if ! apt-get install -y -q --no-install-recommends $absent >"$log" 2>&1 &&
  ! { apt-get update -q && apt-get install -y -q --no-install-recommends $absent; } >>"$log" 2>&1; then
  cat "$log" >&2
  echo "apt-get could not install:$absent" >&2
  exit 1
fi
echo "installed:$absent"
