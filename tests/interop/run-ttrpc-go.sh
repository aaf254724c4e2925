#!/usr/bin/env bash
# Usage: run-ttrpc-go.sh AGENT SOURCE. Starts the agent on a Unix socket and lets containerd's ttrpc
# client talk to it; the agent must then end by itself with status 0.
set -euo pipefail
agent=$1 source=$2
if ! command -v go >/dev/null; then
  echo "skipped: no go"
  exit 77
fi
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly
if ! (cd "$source" && timeout 120 go mod download 2>"$work/download"); then
  echo "skipped: the modules cannot be fetched"
  cat "$work/download"
  exit 77
fi
(cd "$source" && go build -o "$work/client" .)
KATA_AGENT_SERVER_ADDR=unix://$work/agent.sock "$agent" >"$work/log" &
pid=$!
for _ in $(seq 200); do
  [ -S "$work/agent.sock" ] && break
  sleep 0.05
done
timeout 60 "$work/client" "$work/agent.sock" || { cat "$work/log"; exit 1; }
wait "$pid"
pid=
echo "the agent ended with status 0"
