import type { Format } from "./ctl-step.ts";
import type { PlayedCall } from "./scene-run.ts";
import type { Printed } from "./tool-process.ts";

/** What differs between two runs of one command by nature, and so is not compared. */
interface Mask {
  /** What it is; stands in the output in its place. */
  readonly what: string;
  readonly commands: readonly string[];
  readonly formats: readonly Format[];
  /** Its first group stays. */
  readonly pattern: RegExp;
}

/** As Go prints a duration below a minute. */
const DURATION = "\\d+(?:\\.\\d+)?(?:µs|ms|s)";
/** As go-humanize prints sizes. */
const SIZE = "\\d+(?:\\.\\d)? (?:[kMG]B|B)";

/** Times and sizes; all else that is printed is compared as it is. */
const MASKS: readonly Mask[] = [
  {
    what: "DURATION",
    commands: ["endpoint health"],
    formats: ["simple"],
    pattern: new RegExp(`( is healthy: successfully committed proposal: took = )${DURATION}$`, "gm"),
  },
  {
    what: "DURATION",
    commands: ["endpoint health"],
    formats: ["json"],
    pattern: new RegExp(`("took":")${DURATION}(?=")`, "g"),
  },
  {
    what: "DURATION",
    commands: ["endpoint health"],
    formats: ["fields"],
    pattern: new RegExp(`^("Took" : )${DURATION}$`, "gm"),
  },
  {
    what: "DURATION",
    commands: ["endpoint health"],
    formats: ["table"],
    pattern: new RegExp(`([|│] +(?:true|false) [|│] +)${DURATION}(?= +[|│])`, "g"),
  },
  {
    what: "SECONDS",
    commands: ["lease timetolive"],
    formats: ["simple"],
    pattern: /( granted with TTL\(1000s\), remaining\()(?:99\d|1000)(?=s\))/g,
  },
  { what: "SECONDS", commands: ["lease timetolive"], formats: ["json"], pattern: /("ttl":)(?:99\d|1000)(?=,)/g },
  { what: "SECONDS", commands: ["lease timetolive"], formats: ["fields"], pattern: /^("TTL" : )(?:99\d|1000)$/gm },
  {
    what: "SIZE",
    commands: ["endpoint status"],
    formats: ["simple"],
    pattern: new RegExp(`((?:, )(?:\\d+\\.\\d+\\.\\d+, )?)${SIZE}(?=, )`, "g"),
  },
  {
    what: "SIZE",
    commands: ["endpoint status"],
    formats: ["table"],
    pattern: new RegExp(`([|│] +)${SIZE}(?= +[|│])`, "g"),
  },
  {
    what: "BYTES",
    commands: ["endpoint status"],
    formats: ["json"],
    pattern: /("(?:dbSize|dbSizeInUse)":)\d+(?=[,}])/g,
  },
  {
    what: "BYTES",
    commands: ["endpoint status"],
    formats: ["fields"],
    pattern: /^("(?:DBSize|DBSizeInUse)" : )\d+$/gm,
  },
  {
    what: "MEGABYTES",
    commands: ["check datascale"],
    formats: ["simple", "json", "fields", "table"],
    pattern: /^(PASS: Approximate system memory used : )-?\d+\.\d\d(?= MB\.$)/gm,
  },
  {
    what: "NUMBER",
    commands: ["check perf"],
    formats: ["simple"],
    pattern: /^(PASS: Throughput is )\d+(?= writes\/s$)/gm,
  },
  {
    what: "SECONDS",
    commands: ["check perf"],
    formats: ["simple"],
    pattern: /^(PASS: (?:Slowest request took|Stddev is) )\d+\.\d+(?=s$)/gm,
  },
  // An id of less than 16 digits has spaces before it.
  {
    what: "PADDING",
    commands: ["member add", "member remove", "member promote"],
    formats: ["simple"],
    pattern: /^(Member) +(?=<id in hex>)/gm,
  },
  // Each program tells its own.
  {
    what: "VERSION",
    commands: ["version"],
    formats: ["simple", "json", "fields", "table"],
    pattern: /^((?:etcdctl|quoratectl) version: )\d+\.\d+\.\d+$/gm,
  },
  {
    what: "VERSION",
    commands: ["version"],
    formats: ["simple", "json", "fields", "table"],
    pattern: /^(API version: )\d+\.\d+$/gm,
  },
];

/** Keys in JSON. */
const KEY = /"key":"([A-Za-z0-9+/]+=*)"/g;
const PROGRAM = /\b(etcdctl|quoratectl)\b/g;

/** What a call printed, without what differs by nature. `ids` of the call are named in the form that they have, and the URL of nobody. */
export function maskedOutput(call: PlayedCall, command: string): Printed {
  const { printed, format, ids, otherUrl } = call;
  const concerned = MASKS.filter((mask) => mask.commands.includes(command) && mask.formats.includes(format));
  const mask = (text: string): string =>
    concerned
      .reduce(
        (result, { pattern, what }) => result.replace(pattern, `$1<${what}>`),
        withNamedIds(text.replaceAll(new RegExp(`${otherUrl}(?!\\d)`, "g"), "<other URL>"), ids),
      )
      .replace(PROGRAM, "PROGRAM");
  const output = mask(printed.output);
  return {
    output: ORDERED.has(command) ? inOrder(output) : output,
    errors: mask(printed.errors),
    code: printed.code,
  };
}

/** Answers that list a member which the server made up the id of. */
const ORDERED: ReadonlySet<string> = new Set(["member add", "member promote"]);

/** Members come in the order of their ids, of which the one that is added has any. */
function inOrder(text: string): string {
  return text
    .replace(
      /^ETCD_INITIAL_CLUSTER="(.*)"$/m,
      (_, members: string) => `ETCD_INITIAL_CLUSTER="${members.split(",").sort().join()}"`,
    )
    .replace(
      /"members":\[\{(.*)\}\]/,
      (_, members: string) => `"members":[{${members.split("},{").sort(byUrls).join("},{")}}]`,
    );
}

/** Of members in JSON, without their ids. */
function byUrls(one: string, other: string): number {
  const rest = (member: string): string => member.replace(/^"ID":[^,]*,/, "");
  return rest(one) < rest(other) ? -1 : 1;
}

/** Ids that the server made up: in hexadecimal as `<id in hex>`, in decimal as `<id>`, also at the end of keys in base64. */
function withNamedIds(text: string, ids: readonly string[]): string {
  const numbers = ids.map((id) => BigInt(`0x${id}`));
  const inKeys = text.replace(KEY, (whole, key: string) => {
    const plain = Buffer.from(key, "base64").toString();
    return numbers.some((id) => plain.endsWith(`/${id.toString(16)}`)) ? `"key":base64(${plain})` : whole;
  });
  return numbers.reduce((result, id) => {
    const short = id.toString(16);
    // Where there are no zeros in front, one form cannot be told from the other.
    const padded = short.padStart(16, "0");
    return result
      .replaceAll(new RegExp(`\\b${short}\\b`, "g"), "<id in hex>")
      .replaceAll(new RegExp(`\\b${padded}\\b`, "g"), "<id in 16 digits>")
      .replaceAll(new RegExp(`\\b${id}\\b`, "g"), "<id>");
  }, inKeys);
}
