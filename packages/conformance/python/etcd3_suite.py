"""What users of Debian's python3-etcd3 do, against the server at the given host and port. Prints one line a check."""

import sys
import threading

import etcd3

host, port = sys.argv[1].split(":")
client = etcd3.client(host=host, port=int(port), timeout=20)


def check(name, actual, expected):
    if actual != expected:
        sys.exit(f"{name}: {actual!r} instead of {expected!r}")
    print(f"ok {name}")


def text(result):
    value, meta = result
    return None if value is None else (meta.key.decode(), value.decode())


client.put("a", "1")
client.put("a", "2")
check("get", text(client.get("a")), ("a", "2"))
check("get nothing", client.get("missing"), (None, None))
check("metadata", client.get("a")[1].version, 2)
check("serializable", text(client.get("a", serializable=True)), ("a", "2"))
check("put if absent", [client.put_if_not_exists("a", "x"), client.put_if_not_exists("b", "y")], [False, True])
check("replace", [client.replace("a", "2", "3"), client.replace("a", "2", "4")], [True, False])

for i in range(5):
    client.put(f"p/{i}", f"v{i}")
check("prefix", [text(item) for item in client.get_prefix("p/")], [(f"p/{i}", f"v{i}") for i in range(5)])
descending = client.get_prefix("p/", sort_order="descend", sort_target="key")
check("descending", [text(item)[0] for item in descending], [f"p/{i}" for i in reversed(range(5))])
check("keys only", [text(item) for item in client.get_prefix("p/", keys_only=True)][0], ("p/0", ""))
check("range", [text(item)[0] for item in client.get_range("p/1", "p/3")], ["p/1", "p/2"])

succeeded, responses = client.transaction(
    compare=[client.transactions.value("a") == "3", client.transactions.version("a") > 0],
    success=[client.transactions.put("a", "4"), client.transactions.get("a")],
    failure=[client.transactions.delete("a")],
)
check("transaction", succeeded, True)
check("transaction reads its own put", text(responses[1][0]), ("a", "4"))
succeeded, responses = client.transaction(
    compare=[client.transactions.create("missing") > 0],
    success=[],
    failure=[client.transactions.get("a"), client.transactions.put("c", "1")],
)
check("transaction refused", (succeeded, text(responses[0][0])), (False, ("a", "4")))

events, cancel = client.watch_prefix("w/")
seen = []
done = threading.Event()


def read():
    for event in events:
        seen.append((type(event).__name__, event.key.decode(), event.value.decode()))
        if len(seen) == 3:
            done.set()
            return


reader = threading.Thread(target=read, daemon=True)
reader.start()
client.put("w/1", "x")
client.put("other", "x")
client.put("w/2", "y")
client.delete("w/1")
check("watch in time", done.wait(10), True)
cancel()
check("watch", seen, [("PutEvent", "w/1", "x"), ("PutEvent", "w/2", "y"), ("DeleteEvent", "w/1", "")])
first = client.get("p/0")[1].mod_revision
history, cancel = client.watch_prefix("p/", start_revision=first)
check("history", [next(history).key.decode() for _ in range(5)], [f"p/{i}" for i in range(5)])
cancel()

check("delete", [client.delete("a"), client.delete("a")], [True, False])
check("delete prefix", client.delete_prefix("p/").deleted, 5)

lease = client.lease(20)
client.put("leased", "x", lease=lease)
check("lease", (lease.granted_ttl, 0 < lease.remaining_ttl <= 20), (20, True))
check("lease keys", [bytes(key) for key in lease.keys], [b"leased"])
check("refresh", [answer.TTL for answer in lease.refresh()], [20])
lease.revoke()
check("revoked", client.get("leased"), (None, None))

lock = client.lock("resource", ttl=10)
check("lock", lock.acquire(timeout=5), True)
check("lock of another", client.lock("resource", ttl=10).is_acquired(), False)
check("lock mine", lock.is_acquired(), True)
check("unlock", lock.release(), True)

status = client.status()
check("status", status.version.startswith("3."), True)
check("leader", status.leader is not None, True)
check("members", [member.name for member in client.members], ["n1"])
check("alarms", list(client.list_alarms()), [])
client.defragment()
client.compact(status.raft_index and client.get("b")[1].mod_revision, physical=True)
check("hash", isinstance(client.hash(), int), True)
client.close()
