#!/bin/bash
# Boots images/debian with init = systemd, and measures in it role `logs` beside systemd-journald.
#   run-guest-log.sh INRO DEFINITION GUEST_LOG_BENCH FOLDER [LINES [ROUNDS]]
set -eu
inro=$1 definition=$2 program=$3 folder=$4 lines=${5:-20000} rounds=${6:-5}
command -v qemu-system-x86_64 >/dev/null || { echo "qemu-system-x86_64 is not installed"; exit 77; }
mkdir -p "$folder/definition"
cp "$program" "$folder/definition/log-bench"
# journald without its rate limit, and without forwarding: each collector works for itself alone.
{
  cat "$definition/image.toml"
  cat <<TOML

[[files]]
path = "/usr/bin/log-bench"
source = "log-bench"
mode = "0755"

[[files]]
path = "/etc/systemd/journald.conf.d/zz-bench.conf"
content = """
[Journal]
RateLimitIntervalSec=0
ForwardToSyslog=no
"""
TOML
} >"$folder/definition/image.toml"
guest=log-bench-$$
"$inro" boot "$folder/definition" --form initrd --init systemd --detach --name "$guest" \
  --time-limit 1200 --append inro.log_rate=0 >/dev/null
trap '"$inro" stop "$guest" >/dev/null' EXIT
# Exec is there some time after the agent, when the guest's target is reached.
for ((second = 0; second < 120; second++)); do
  "$inro" exec "$guest" -- /usr/bin/true 2>/dev/null && break
  sleep 1
done
"$inro" exec "$guest" -- /usr/bin/log-bench "$lines" "$rounds"
