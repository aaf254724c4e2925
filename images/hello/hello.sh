#!/bin/sh
# Says hello once a minute.
while :; do
  echo "hello from $(hostname 2>/dev/null || cat /proc/sys/kernel/hostname), I am $(id -un)"
  sleep 60
done
