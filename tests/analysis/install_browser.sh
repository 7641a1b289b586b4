#!/usr/bin/env bash
# Installs Debian's Chromium for the test of the page of findings. Needs root and apt.
set -euo pipefail
if command -v chromium >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "chromium is not installed, and installing it takes root and apt" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Other tests install packages at the same time.
wait=(-o DPkg::Lock::Timeout=600)
apt-get update -qq "${wait[@]}"
apt-get install -y -qq --no-install-recommends "${wait[@]}" chromium
