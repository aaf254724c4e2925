#!/usr/bin/env bash
# clang-tidy over the sources, with the compile commands of the build folder given; findings are
# errors. More arguments are folders: only what is below them is looked at.
set -euo pipefail
build=$1
shift
git ls-files 'src/*.cc' 'apps/*.cc' | grep -v '_fuzz\.cc$' |
  { if [ $# -gt 0 ]; then grep -E "^($(IFS='|'; echo "$*"))"; else cat; fi; } |
  # The flags are those of GCC: clang does not know all of its warnings.
  xargs -P "$(nproc)" -n 4 clang-tidy-22 -p "$build" --quiet --warnings-as-errors='*' \
    --extra-arg=-Wno-unknown-warning-option
