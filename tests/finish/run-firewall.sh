#!/bin/bash
# Boots a guest of tests/finish/firewall with the given init and checks what its script printed.
#   run-firewall.sh INRO FORM FOLDER
set -eu
inro=$1 form=$2 folder=$3
here=$(dirname "$(realpath "$0")")
command -v qemu-system-x86_64 >/dev/null || { echo "qemu-system-x86_64 is not installed"; exit 77; }
mkdir -p "$folder"
"$inro" build "$here/firewall" -o "$folder"
console=$folder/$form.console
rm -f "$console"
timeout -s INT -k 30 240 "$inro" boot "$folder/firewall.manifest.json" --form "$form" \
  --timeout 200 --console 2>"$console" &
boot=$!
for ((second = 0; second < 230; second++)); do
  grep -aq 'TRIED all' "$console" 2>/dev/null && break
  kill -0 "$boot" 2>/dev/null || break
  sleep 1
done
kill -INT "$boot" 2>/dev/null || true
wait "$boot" || true
grep -a 'TRIED' "$console" || true
if grep -a 'TRIED failed\|no enough memory\|Kernel panic\|Oops' "$console"; then exit 1; fi
[[ $(grep -ac 'TRIED ok' "$console") == 29 ]]
grep -aq 'TRIED all' "$console"
