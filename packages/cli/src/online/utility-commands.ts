import type { Command } from "../frame/command.ts";
import type { FlagSpec } from "../frame/flag-spec.ts";

const group = "Utility commands";

const LOAD_FLAG: FlagSpec = {
  name: "load",
  kind: "string",
  default: "s",
  usage: "how much: s(small), m(medium), l(large), xl(xLarge)",
  choices: ["s", "m", "l", "xl"],
};
const TIDY_FLAGS: readonly FlagSpec[] = [
  { name: "auto-compact", kind: "bool", usage: "compact the history afterwards" },
  { name: "auto-defrag", kind: "bool", usage: "defragment the endpoints afterwards" },
];

/** CLI page, A6. */
export const UTILITY_COMMANDS: readonly Command[] = [
  {
    name: "check",
    summary: "Measures a cluster",
    group,
    commands: [
      {
        name: "perf",
        usage: "[options]",
        summary: "Writes at a rate for a minute and judges how that went",
        description: `Writes for a minute at a rate (s: 150, m: 1000, l: 8000, xl: 15000 a second) and judges throughput, the slowest write and
how much they vary.`,
        flags: [
          LOAD_FLAG,
          {
            name: "prefix",
            kind: "string",
            default: "/etcdctl-check-perf/",
            usage: "what the written keys begin with",
          },
          ...TIDY_FLAGS,
        ],
        load: async () => (await import("./check-perf.ts")).runCheckPerf,
      },
      {
        name: "datascale",
        usage: "[options]",
        summary: "Tells how much memory data takes at a server",
        description: `Writes keys of 1 KiB (s: 10000, m: 100000, l: 1000000, xl: 3000000) and tells by how much the memory of the first endpoint has
grown.`,
        flags: [
          LOAD_FLAG,
          {
            name: "prefix",
            kind: "string",
            default: "/etcdctl-check-datascale/",
            usage: "what the written keys begin with",
          },
          ...TIDY_FLAGS,
        ],
        load: async () => (await import("./check-datascale.ts")).runCheckDatascale,
      },
    ],
  },
  {
    name: "make-mirror",
    usage: "[options] <destination>",
    summary: "Copies keys to another cluster and keeps the copy up to date",
    description: `Copies keys to another cluster and then repeats there whatever happens to them, until Ctrl-C. How many changes that were is
printed every half a minute.`,
    group,
    flags: [
      { name: "prefix", kind: "string", usage: "only keys that begin so" },
      { name: "rev", kind: "int64", usage: "only changes from this revision on" },
      {
        name: "max-txn-ops",
        kind: "uint",
        default: "128",
        usage: "most changes in one transaction at the destination",
      },
      { name: "dest-prefix", kind: "string", usage: "what keys begin with at the destination instead" },
      { name: "no-dest-prefix", kind: "bool", usage: "take the prefix off at the destination" },
      { name: "dest-cert", kind: "string", usage: "file with the client's certificate for the destination" },
      { name: "dest-key", kind: "string", usage: "file with the key of that certificate" },
      {
        name: "dest-cacert",
        kind: "string",
        usage: "file with the certificates that the destination is checked against",
      },
      { name: "dest-insecure-transport", kind: "bool", default: "true", usage: "do without TLS unless it is https://" },
      { name: "dest-user", kind: "string", usage: "name or name:password to authenticate with at the destination" },
      { name: "dest-password", kind: "string", usage: "password for --dest-user" },
    ],
    load: async () => (await import("./make-mirror.ts")).runMakeMirror,
  },
  {
    name: "version",
    summary: "Shows the version of quoratectl",
    group,
    load: async () => (await import("./version.ts")).runVersion,
  },
];
