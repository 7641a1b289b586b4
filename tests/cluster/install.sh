#!/usr/bin/env bash
# Installs Debian's Slurm and munge for the test on a real Slurm; starts nothing. Needs root and apt.
set -euo pipefail
for command in slurmctld slurmd sbatch munged; do
  command -v "$command" >/dev/null || missing="$command"
done
if [ -z "${missing:-}" ]; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "$missing is not installed, and installing it takes root and apt" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Daemons are the test's to start, not the package's.
export RUNLEVEL=1
apt-get update -qq
apt-get install -y -qq --no-install-recommends slurm-wlm munge
