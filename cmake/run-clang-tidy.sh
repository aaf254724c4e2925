#!/usr/bin/env bash
# clang-tidy over every source of the build folder given; findings are errors.
set -euo pipefail
build=$1
git ls-files 'src/*.cc' 'apps/*.cc' | grep -v '_fuzz\.cc$' |
  xargs -P "$(nproc)" -n 4 clang-tidy-22 -p "$build" --quiet --warnings-as-errors='*'
