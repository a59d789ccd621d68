/** Formats of --write-out that are compared. */
export type Format = "simple" | "json" | "fields" | "table";

export const FORMATS: readonly Format[] = ["simple", "json", "fields", "table"];

/**
 * One command line, run in each of its formats by both programs. Words stand for what differs between runs: `LEASE` the lease granted
 * last, `MEMBER` the first member, `ADDED` the other one, `FOLLOWER` the one that does not lead, `ENDPOINT` the first member's,
 * `PEER_URL` and `JOINER_URL` the peer URLs of the first and of a second member, `OTHER_URL` one of nobody, another in each call, `FILE` a
 * file of its own, `SNAPSHOT` one that both programs get, saved once, `FORMAT` the format.
 */
export interface CtlStep {
  readonly args: readonly string[];
  readonly stdin?: string;
  /** Standard input stays open behind `stdin`, until the command is ended. */
  readonly holdsInput?: boolean;
  /** Default: all. */
  readonly formats?: readonly Format[];
  /** Command lines that etcdctl runs before each call and after it; they are not compared. */
  readonly before?: readonly (readonly string[])[];
  readonly after?: readonly (readonly string[])[];
  /** A second member, a learner, joins before each call, in place of the one that joined before. */
  readonly joins?: boolean;
  /**
   * The command runs on: these are made meanwhile by etcdctl, its output is compared when it has been quiet for a while, and then it is
   * ended by `end`.
   */
  readonly during?: readonly (readonly string[])[];
  /** A command that prints nothing is ended when etcdctl, with these arguments, prints this text. */
  readonly until?: { readonly args: readonly string[]; readonly prints: string };
  /** SIGINT where what a command does at Ctrl-C is compared too. */
  readonly end?: "SIGKILL" | "SIGINT";
  /** Only a process of its own shows what it does: its children, its signals, its start. */
  readonly alone?: boolean;
  /** Beginning of the versions of etcdctl that have the command; default: all. */
  readonly etcdctl?: string;
  /** Takes a minute and more: left out unless the run is asked for everything. */
  readonly long?: boolean;
}

/** What a scene's servers make up by chance, and so has to be asked for before output is compared. */
export type Chance = "leases" | "members";

/** Steps that go together, on a fresh server. */
export interface CtlScene {
  readonly name: string;
  /** Flags of the server. */
  readonly flags?: readonly string[];
  readonly chance?: Chance;
  readonly steps: readonly CtlStep[];
}

/** A step from a line of words. */
export function step(line: string, more: Omit<CtlStep, "args"> = {}): CtlStep {
  return { args: line.split(" "), ...more };
}

const SHOWN_CHARACTERS_MAX = 200;

/** A step as the table shows it. Two steps of one line are told apart by what was done before. */
export function lineOf(step: CtlStep): string {
  const words = step.args.map((word) => (/^[\w=:/.,+-]+$/.test(word) ? word : JSON.stringify(word)));
  const { stdin } = step;
  if (stdin === undefined) return words.join(" ");
  return `${words.join(" ")} < ${stdin.length > SHOWN_CHARACTERS_MAX ? `${stdin.length} bytes` : JSON.stringify(stdin)}`;
}
