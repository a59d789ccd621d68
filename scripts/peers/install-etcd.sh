#!/usr/bin/env bash
# Installs what the conformance suites and benchmarks compare against: etcd 3.4.23 and its tools from the machine's own
# Debian release, etcd 3.5.30 from Debian unstable (unpacked, not installed), and real clients. Run as root on Debian 12.
# Idempotent: a second run returns at once. Leaves no service running.
. "$(dirname "${BASH_SOURCE[0]}")/peers-environment.sh"

newer_version=3.5.30
newer_dir="$peers_dir/etcd-$newer_version"

install_packages() {
  local missing=() package
  for package in etcd-server etcd-client nghttp2-client python3 python3-etcd3 unzip jq curl openssl; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "installing ${missing[*]}"
  apt update
  # Nothing that a package installs may start a service while this runs.
  local policy=/usr/sbin/policy-rc.d ours=no
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=yes
  fi
  apt install -y --no-install-recommends "${missing[@]}" || {
    [ "$ours" = no ] || rm -f "$policy"
    fail "apt-get install failed"
  }
  [ "$ours" = no ] || rm -f "$policy"
  if [ -d /run/systemd/system ]; then systemctl disable --now etcd >/dev/null 2>&1 || true; fi
}

unpack_newer() {
  [ ! -x "$newer_dir/etcd" ] || return 0
  say "unpacking etcd $newer_version from Debian unstable"
  local work
  make_scratch etcd
  private_apt "$work/apt" deb sid
  (cd "$work" && in_private_apt "$work/apt" download etcd-server/sid etcd-client/sid)
  local archive
  for archive in "$work"/*.deb; do dpkg -x "$archive" "$work/root"; done
  mkdir "$work/bin"
  cp "$work/root/usr/bin/etcd" "$work/root/usr/bin/etcdctl" "$work/bin/"
  [ ! -x "$work/root/usr/bin/etcdutl" ] || cp "$work/root/usr/bin/etcdutl" "$work/bin/"
  local version
  version="$("$work/bin/etcd" --version | sed -n 's/^etcd Version: //p')"
  case "$version" in
    "$newer_version") ;;
    3.5.*) say "Debian unstable has moved on to etcd $version; using it in place of $newer_version" ;;
    *) fail "Debian unstable now has etcd $version; this project compares with 3.5, so name another source in this script" ;;
  esac
  mv "$work/bin" "$newer_dir"
}

install_packages
unpack_newer
version_of() { "$1" --version | sed -n 's/^etcd Version: //p'; }
say "etcd $(version_of /usr/bin/etcd) in /usr/bin, etcd $(version_of "$newer_dir/etcd") in $newer_dir"
