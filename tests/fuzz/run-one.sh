#!/usr/bin/env bash
# Usage: run-one.sh PROGRAM CORPUS. Replays the seed corpus, then fuzzes for some seconds.
set -euo pipefail
program=$1 corpus=$2 seconds=${INRO_FUZZ_SECONDS:-3}
if [ ! -x "$program" ]; then
  echo "not built: $program (run \`make fuzz\`)"
  exit 77
fi
[ -n "$(ls "$corpus" 2>/dev/null)" ] || { echo "no seed corpus in $corpus" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir found
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
"$program" -runs=0 -timeout=10 -rss_limit_mb=2048 -error_exitcode=1 "$corpus"
"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -error_exitcode=1 -print_final_stats=1 found "$corpus"
