#!/bin/sh
# Saves a snapshot, checks it, and keeps the newest ones.
#
#   backup.sh DIRECTORY [COPIES]
#
# Which cluster, and with which certificate, say quoratectl's variables (ETCDCTL_ENDPOINTS, ETCDCTL_CACERT, …). The endpoints are
# tried one after the other, since a snapshot is of one member. Only after a copy that is whole is an old one removed. Exit code 0: there
# is a new copy, and its name was printed.
set -eu
umask 077

directory=$1
copies=${2:-7}
mkdir -p "$directory"

# A name is given once, so that a second call in the same second waits for the next.
while
  file=$directory/snapshot-$(date -u +%Y%m%dT%H%M%SZ).db
  [ -e "$file" ]
do sleep 1; done

saved=
for endpoint in $(echo "${ETCDCTL_ENDPOINTS:-127.0.0.1:2379}" | tr , ' '); do
  if ETCDCTL_ENDPOINTS=$endpoint quoratectl snapshot save "$file" >&2; then
    saved=yes
    break
  fi
done
[ -n "$saved" ] || { echo "no member gave a snapshot" >&2; exit 1; }

# Reads every page, and compares with the digest at the end of the file.
quoratectl snapshot status "$file" >&2 || { mv "$file" "$file.damaged"; exit 1; }
echo "$file"

# The names sort by time; none has a space or a line break in it.
find "$directory" -name 'snapshot-*.db' | sort -r | tail -n "+$((copies + 1))" | while read -r old; do rm -- "$old"; done
