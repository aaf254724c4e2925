#!/usr/bin/env bash
# Installs the Debian packages named in a list that are not there yet. Usage: install-packages.sh LIST
set -euo pipefail
mapfile -t wanted < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1")
missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  [[ $state == ii* ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "install these Debian packages as root, then try again: ${missing[*]}" >&2
    exit 1
  }
  sudo=(sudo)
fi
echo "== install ${#missing[@]} Debian packages: ${missing[*]} =="
"${sudo[@]}" apt-get update -q
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
