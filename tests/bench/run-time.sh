#!/bin/bash
# Boots images/debian and draws its clock's offset from its host's over some time (default: ten
# minutes): as text here, and as a picture in FOLDER.
#   run-time.sh INRO DEFINITION FOLDER [SECONDS]
set -eu
inro=$1 definition=$2 folder=$3 seconds=${4:-600}
command -v qemu-system-x86_64 >/dev/null || { echo "qemu-system-x86_64 is not installed"; exit 77; }
mkdir -p "$folder"
guest=time-bench-$$
"$inro" boot "$definition" --form initrd --init inro --detach --name "$guest" \
  --time-limit $((seconds + 300)) >/dev/null
trap '"$inro" stop "$guest" >/dev/null' EXIT
# Until chrony has its source.
for ((second = 0; second < 60; second++)); do
  "$inro" time "$guest" 2>/dev/null | grep -q 'synchronised to' && break
  sleep 1
done
"$inro" time "$guest"
"$inro" time "$guest" --watch --for "$seconds" --plot - --plot "$folder/offset.html" |
  grep -v '^ .* s  offset '
"$inro" time "$guest"
echo "picture: $folder/offset.html"
