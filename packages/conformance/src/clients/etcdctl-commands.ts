/** One call of etcdctl, or of a watch that runs while other calls are made. */
export interface EtcdctlCommand {
  readonly args: readonly string[];
  readonly stdin?: string;
  /** Calls made while this one (a watch) runs; its output is compared once they are done. */
  readonly during?: readonly (readonly string[])[];
}

const run = (line: string): EtcdctlCommand => ({ args: line.split(" ") });
const withInput = (line: string, stdin: string): EtcdctlCommand => ({ ...run(line), stdin });

const FORMATS = ["simple", "json", "fields"];

const PUTS: readonly EtcdctlCommand[] = [
  ...["put a 1", "put b 2", "put k1 one", "put k2 two", "put k3 three", "put k10 ten", "put a 11", "put a 111"].map(
    run,
  ),
  { args: ["put", "text", "with spaces and ünicode"] },
  withInput("put stdin", "value from standard input"),
  run("put a again --prev-kv"),
  run("put a --ignore-value"),
  run("put missing --ignore-value"),
  run("put a x --ignore-lease"),
  run("put a x --lease=1234567"),
  ...FORMATS.map((format) => run(`put f ${format} --prev-kv -w ${format}`)),
];

const GETS: readonly EtcdctlCommand[] = [
  "get a",
  "get nothing",
  "get k --prefix",
  "get k1 k3",
  "get k --prefix --limit 2",
  "get b --from-key",
  "get k --prefix --keys-only",
  "get k --prefix --count-only",
  "get k --prefix --count-only -w fields",
  "get k1 --print-value-only",
  "get a --rev 2",
  "get a --rev 99999",
  "get a --consistency=s",
  "get a --consistency=l",
  "get a --consistency=x",
  "get text --hex",
  "get k --prefix -w json",
  "get k --prefix -w fields",
  ...["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"].flatMap((target) =>
    ["ASCEND", "DESCEND"].map((order) => `get k --prefix --sort-by=${target} --order=${order}`),
  ),
].map(run);

const TXNS: readonly EtcdctlCommand[] = [
  withInput("txn", 'mod("a") > "0"\n\nput t1 yes\nget a\n\nput t1 no\n\n'),
  withInput("txn", 'value("a") = "nope"\n\nput t2 yes\n\nput t2 no\nget t2\n\n'),
  withInput("txn", 'version("k1") = "1"\ncreate("k1") > "1"\n\ndel k10\nget k --prefix --keys-only\n\n\n'),
  withInput("txn", 'mod("none") = "0"\n\nput t3 "quoted value"\n\n\n'),
  withInput("txn -w json", 'version("none") = "0"\n\nput t4 new\ndel none\n\nget none\n\n'),
  withInput("txn -w fields", 'version("t4") < "1"\n\nput t4 new\n\nget t4\ndel t4\n\n'),
  withInput("txn", "\nput twice 1\nput twice 2\n\n\n"),
];

const DELETES: readonly EtcdctlCommand[] = [
  "del b",
  "del b",
  "del k1 --prev-kv",
  "del k --prefix --prev-kv",
  "del t1 t3",
  "del t --prefix -w json",
  "del text --from-key -w fields",
  "get f --from-key --keys-only",
].map(run);

const WATCHES: readonly EtcdctlCommand[] = [
  {
    ...run("watch w --rev=2"),
    during: [
      ["put", "w", "1"],
      ["put", "other", "x"],
      ["put", "w", "2"],
      ["del", "w"],
    ],
  },
  {
    ...run("watch w --prev-kv"),
    during: [
      ["put", "w", "3"],
      ["put", "w", "4"],
      ["del", "w"],
    ],
  },
  {
    ...run("watch p/ --prefix --prev-kv -w json"),
    during: [
      ["put", "p/1", "a"],
      ["put", "p/2", "b"],
      ["del", "p/", "--prefix"],
    ],
  },
  {
    ...run("watch r1 r4"),
    during: [
      ["put", "r1", "a"],
      ["put", "r3", "b"],
      ["put", "r4", "c"],
      ["del", "r1", "r9"],
    ],
  },
  { ...run("watch w -w fields"), during: [["put", "w", "5"]] },
  { ...run("watch x -- echo changed"), during: [["put", "x", "5"]] },
];

/** Keys of a lease come in no order, so it has one whenever they are shown. `LEASE` stands for the id that the last grant printed. */
const LEASES: readonly EtcdctlCommand[] = [
  "lease grant 1000",
  "lease list",
  "put leased1 v --lease=LEASE",
  "lease timetolive LEASE",
  "lease timetolive LEASE --keys",
  "lease timetolive LEASE --keys -w json",
  "lease timetolive LEASE --keys -w fields",
  "lease keep-alive LEASE --once",
  "put leased2 v --lease=LEASE",
  "get leased1 -w json",
  "put leased1 w --ignore-lease",
  "put leased2 w",
  "lease timetolive LEASE --keys",
  "lease revoke LEASE",
  "lease revoke LEASE",
  "lease timetolive LEASE",
  "lease keep-alive LEASE --once",
  "get leased --prefix",
  "lease grant 0",
  "lease grant 500 -w json",
  "lease list -w json",
].map(run);

const MAINTENANCE: readonly EtcdctlCommand[] = [
  "endpoint hashkv",
  "endpoint hashkv -w json",
  "endpoint hashkv --rev 5 -w fields",
  "compaction 4",
  "compaction 4",
  "compaction 99999",
  "compaction 12 --physical",
  "get a --rev 3",
  "watch a --rev=3",
  "endpoint hashkv --rev 3",
  "endpoint hashkv",
  "defrag",
  "endpoint health",
  "endpoint status",
  "endpoint status -w json",
  "endpoint status -w fields",
  "endpoint status -w table",
  "member list",
  "member list -w json",
  "member list -w fields",
  "member list -w table",
  "alarm list",
  "alarm disarm",
  "move-leader 12345",
  "lock l1 echo locked",
].map(run);

/** Users and roles, and then what users may do; all that etcd 3.4 refuses as later releases do. */
const AUTH: readonly EtcdctlCommand[] = [
  "auth enable",
  "user add root:rpw",
  "user add alice:apw",
  "user add alice:apw",
  "user add nopw --no-password",
  "user get alice",
  "user get missing",
  "role add readers",
  "role add readers",
  "role add writers",
  "role grant-permission readers read k1 k3",
  "role grant-permission readers read a --prefix",
  "role grant-permission writers readwrite u",
  "role grant-permission writers write v --from-key",
  "role grant-permission missing read u",
  "role get readers",
  "role get readers -w json",
  "role get writers",
  "role get missing",
  "user grant-role alice readers",
  "user grant-role alice writers",
  "user grant-role alice missing",
  "user grant-role missing readers",
  "user get alice --detail",
  "user get alice -w json",
  "user list",
  "user list -w json",
  "role list",
  "auth enable",
  "auth enable",
  "get k1",
  "get k1 --user=alice:apw",
  "get k --prefix --user=alice:apw",
  "get k1 k3 --user=alice --password=apw",
  "get k1 --user=alice:wrong",
  "get k1 --user=missing:apw",
  "get k1 --user=nopw:apw",
  "put u 1 --user=alice:apw",
  "put u 1 --prev-kv --user=alice:apw",
  "put vv 1 --user=alice:apw",
  "put vv 1 --prev-kv --user=alice:apw",
  "put k1 1 --user=alice:apw",
  "del u --user=alice:apw",
  "del v --from-key --user=alice:apw",
  "del u --from-key --user=alice:apw",
  "user get alice --user=alice:apw",
  "user get root --user=alice:apw",
  "user list --user=alice:apw",
  "role get readers --user=alice:apw",
  "member remove 1234 --user=alice:apw",
  "user delete root --user=root:rpw",
  "role delete root --user=root:rpw",
  "user revoke-role root root --user=root:rpw",
  "get k --prefix --user=root:rpw",
  "role revoke-permission readers k1 k3 --user=root:rpw",
  "role revoke-permission readers k1 k4 --user=root:rpw",
  "get k1 --user=alice:apw",
  "user revoke-role alice writers --user=root:rpw",
  "user revoke-role alice writers --user=root:rpw",
  "put u 1 --user=alice:apw",
  "role delete readers --user=root:rpw",
  "role delete readers --user=root:rpw",
  "user get alice --user=root:rpw",
  "user delete alice --user=root:rpw",
  "user delete alice --user=root:rpw",
  "get a --user=alice:apw",
  "auth disable --user=root:rpw",
  "auth disable",
  "get a",
].map(run);

/** The whole script, in an order that matters: hashes are compared before leases whose ids a server chooses. */
export const ETCDCTL_COMMANDS: readonly EtcdctlCommand[] = [
  ...PUTS,
  ...GETS,
  ...TXNS,
  ...DELETES,
  ...WATCHES,
  ...MAINTENANCE,
  ...LEASES,
  ...AUTH,
  { args: ["user", "add", "dave", "--interactive=false"], stdin: "dpw\n" },
  { args: ["user", "passwd", "dave", "--interactive=false"], stdin: "other\n" },
  run("user delete dave"),
];
