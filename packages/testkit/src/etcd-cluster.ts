import { EtcdNode, type EtcdNodeOptions, freeMemberPorts, type MemberPorts, type NodeTls } from "./etcd-node.ts";
import type { TemporaryMedium } from "./temporary-directory.ts";

/** What is particular to one member. */
export interface MemberOptions {
  /** Program and leading arguments of anything that takes etcd's flags. */
  readonly program: readonly string[];
  /** Flags of this member, after those of all. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface EtcdClusterOptions {
  /** The founding members, each with its own program: `m0`, `m1`, … */
  readonly members: readonly MemberOptions[];
  /** Flags of every member. */
  readonly flags?: readonly string[];
  /** TLS of every member towards clients and towards each other; default: plain text. */
  readonly clientTls?: NodeTls | "auto";
  readonly peerTls?: NodeTls | "auto";
  /** Where the data directories lie; default `disk`. */
  readonly medium?: TemporaryMedium;
  readonly readyTimeoutMs?: number;
  /**
   * Asked at each start: the peer URL that member `index` tells the others, such as that of a proxy in front of
   * `listenUrl`; default: the URL it listens on. With a proxy take `prepare()`, which chooses the ports, then `startAll()`.
   */
  readonly advertisePeerUrl?: (index: number, listenUrl: string) => string;
}

/** A member as MemberAdd and MemberList tell it. */
export interface ListedMember {
  /** Empty until the member has started for the first time. */
  readonly name: string;
  readonly peerURLs: readonly string[];
}

const PORT_ATTEMPTS_MAX = 5;
/** Members wait for each other, and a loaded machine may need several elections. */
const READY_TIMEOUT_MS = 30_000;

/**
 * A cluster of etcd-like members on loopback, each with a program, ports, data directory and log of its own. Members are
 * called by their index, which they keep for good; added ones follow the founders. `close()` leaves nothing behind.
 */
export class EtcdCluster implements AsyncDisposable {
  readonly #options: EtcdClusterOptions;
  readonly #nodes: EtcdNode[] = [];
  /** The initial cluster of members that joined later. */
  readonly #joined = new Map<number, string>();
  readonly #founders: number;

  private constructor(options: EtcdClusterOptions) {
    this.#options = options;
    this.#founders = options.members.length;
  }

  /** Starts a new cluster and waits until every member serves. */
  static async start(options: EtcdClusterOptions): Promise<EtcdCluster> {
    for (let attempt = 1; ; attempt++) {
      const cluster = await EtcdCluster.prepare(options);
      try {
        await cluster.startAll();
        return cluster;
      } catch (error) {
        await cluster.close();
        // Another process may take a port between the look and the start.
        if (attempt === PORT_ATTEMPTS_MAX || !/address already in use/.test(String(error))) throw error;
      }
    }
  }

  /** Chooses ports and makes the directories without starting anything; `startAll()` starts the members. */
  static async prepare(options: EtcdClusterOptions): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(options);
    const ports = await freeMemberPorts(options.members.length);
    for (const [index, member] of options.members.entries()) await cluster.#append(member, ports[index]);
    return cluster;
  }

  /** All members that were ever made, by index. */
  get nodes(): readonly EtcdNode[] {
    return this.#nodes;
  }

  /** The member. Throws for an index that was never given out. */
  node(index: number): EtcdNode {
    const node = this.#nodes[index];
    if (node === undefined) throw new Error(`no member ${index}`);
    return node;
  }

  /** Client endpoints of all members, `host:port`, by index. */
  get endpoints(): readonly string[] {
    return this.#nodes.map((node) => node.endpoint);
  }

  /** The peer URL that a member tells the others. */
  peerUrl(index: number): string {
    return this.node(index).peerUrl;
  }

  /**
   * Starts every member that does not run, all at once since a founder serves only with a majority, and waits until each
   * serves. Rejects with the first failure, after every start has settled.
   */
  async startAll(): Promise<void> {
    const starts = this.#nodes.filter((node) => !node.running).map((node) => node.restart());
    try {
      await Promise.all(starts);
    } catch (error) {
      await Promise.all(this.#nodes.map((node) => node.kill()));
      await Promise.allSettled(starts);
      throw error;
    }
  }

  /** Ends a member with SIGKILL; a stopped member stays stopped. */
  async kill(index: number): Promise<void> {
    await this.node(index).kill();
  }

  /** Ends a member with SIGTERM and waits for its own end. */
  async terminate(index: number): Promise<void> {
    await this.node(index).terminate();
  }

  /** Stops a member in its tracks (SIGSTOP); its sockets stay open. */
  pause(index: number): void {
    this.node(index).pause();
  }

  resume(index: number): void {
    this.node(index).resume();
  }

  /** Starts a stopped member on its own data and waits until it serves, for which a majority must run. */
  async restart(index: number): Promise<void> {
    await this.node(index).restart();
  }

  /** Kills a member and empties its data directory. */
  async wipe(index: number): Promise<void> {
    await this.node(index).wipe();
  }

  /**
   * Chooses ports and a directory for a further member and gives its index, so that its `peerUrl` can be told to MemberAdd;
   * then `join()` starts it.
   */
  async prepareMember(member: MemberOptions): Promise<number> {
    await this.#append(member, undefined);
    return this.#nodes.length - 1;
  }

  /**
   * Starts a member with `--initial-cluster-state=existing` and waits until it serves. `initialCluster` is what MemberAdd
   * answered, see `initialClusterOf`. Also for a wiped founder that was removed and added again.
   */
  async join(index: number, initialCluster: string): Promise<void> {
    this.#joined.set(index, initialCluster);
    await this.restart(index);
  }

  /** Ends all members and removes their directories. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #append(member: MemberOptions, ports: MemberPorts | undefined): Promise<void> {
    const index = this.#nodes.length;
    const { advertisePeerUrl, clientTls, medium, peerTls } = this.#options;
    const options: EtcdNodeOptions = {
      program: member.program,
      flags: [...(this.#options.flags ?? []), ...(member.flags ?? [])],
      env: member.env ?? {},
      ...(medium === undefined ? {} : { medium }),
      ...(clientTls === undefined ? {} : { clientTls }),
      ...(peerTls === undefined ? {} : { peerTls }),
      readyTimeoutMs: this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS,
      name: `m${index}`,
      advertisePeerUrl: (listenUrl) => advertisePeerUrl?.(index, listenUrl) ?? listenUrl,
      bootstrap: () => {
        const joined = this.#joined.get(index);
        if (joined !== undefined) return { initialCluster: joined, state: "existing" };
        return { initialCluster: initialClusterOf(this.#foundingMembers()), state: "new" };
      },
    };
    this.#nodes.push(await EtcdNode.prepare(options, ports));
  }

  #foundingMembers(): readonly ListedMember[] {
    return this.#nodes.slice(0, this.#founders).map((node) => ({ name: node.name, peerURLs: [node.peerUrl] }));
  }
}

/**
 * The `--initial-cluster` that tells of these members. A member has no name in the list until its first start: `starting`,
 * the one about to start, gets its own; any other gets a stand-in, since etcd compares URLs and their number, not names.
 */
export function initialClusterOf(
  members: readonly ListedMember[],
  starting?: { readonly name: string; readonly peerUrl: string },
): string {
  return members
    .flatMap(({ name, peerURLs }, index) => {
      const own = starting !== undefined && peerURLs.includes(starting.peerUrl);
      const shown = own ? starting.name : name === "" ? `unstarted${index}` : name;
      return peerURLs.map((url) => `${shown}=${url}`);
    })
    .join(",");
}
