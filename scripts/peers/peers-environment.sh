# Sourced by the install scripts: where peers are cached, and how to reach another suite of the machine's own mirror
# without touching the system's apt state.

set -euo pipefail
peers_dir="${QUORATE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/quorate-peers}"
mkdir -p "$peers_dir"
export DEBIAN_FRONTEND=noninteractive

scratch=()
remove_scratch() { [ "${#scratch[@]}" -eq 0 ] || rm -rf "${scratch[@]}"; }
trap remove_scratch EXIT

# make_scratch NAME: sets $work to a new folder that is removed at the end, however the script ends.
make_scratch() {
  work="$(mktemp -d "$peers_dir/$1.XXXXXX")"
  scratch+=("$work")
}

say() { printf 'peers: %s\n' "$*"; }
fail() {
  printf 'peers: %s\n' "$*" >&2
  exit 1
}

# apt may be busy for a moment on a fresh machine (unattended upgrades); wait for its lock instead of failing.
apt() { nice apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -qq "$@" >/dev/null; }

# Prints "URI KEYRING" of the machine's main Debian archive, from either form of sources file.
archive_source() {
  python3 - <<'PYTHON' || true
import glob, re, sys
found = []
for path in glob.glob("/etc/apt/sources.list.d/*.sources"):
    for stanza in re.split(r"\n\s*\n", open(path).read()):
        fields = dict(re.findall(r"^(URIs|Suites|Signed-By|Types):[ \t]*(.*)$", stanza, re.M))
        if "deb" in fields.get("Types", "").split():
            found.append((fields.get("URIs", "").split(), fields.get("Suites", "").split(), fields.get("Signed-By", "")))
for path in ["/etc/apt/sources.list"] + glob.glob("/etc/apt/sources.list.d/*.list"):
    try:
        lines = open(path).read().splitlines()
    except FileNotFoundError:
        continue
    for line in lines:
        match = re.match(r"deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)", line.strip())
        if match:
            signed = re.search(r"signed-by=(\S+)", match.group(1) or "")
            found.append(([match.group(2)], [match.group(3)], signed.group(1) if signed else ""))
codename = re.search(r"^VERSION_CODENAME=(\S+)", open("/etc/os-release").read(), re.M).group(1)
for uris, suites, keyring in found:
    if codename in suites and uris:
        print(uris[0].rstrip("/"), keyring or "/usr/share/keyrings/debian-archive-keyring.gpg")
        sys.exit(0)
sys.exit(1)
PYTHON
}

# private_apt DIR TYPE SUITE: makes DIR an apt state of its own for one suite of the machine's mirror, and updates it.
private_apt() {
  local dir="$1" type="$2" suite="$3" source uri keyring
  source="$(archive_source)"
  [ -n "$source" ] || fail "no Debian archive found in /etc/apt; add the usual sources file and run this again"
  read -r uri keyring <<<"$source"
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  printf '%s [signed-by=%s] %s %s main\n' "$type" "$keyring" "$uri" "$suite" >"$dir/sources.list"
  in_private_apt "$dir" update
}

# in_private_apt DIR ARGUMENT...: apt-get with that state. A mirror may be behind, so an index past its date will do;
# signatures are checked all the same.
in_private_apt() {
  local dir="$1"
  shift
  apt -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false "$@"
}
