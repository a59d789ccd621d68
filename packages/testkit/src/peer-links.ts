import { connect, createServer, type Server, type Socket } from "node:net";
import { Link, LinkFlow, type LinkState } from "./link-flow.ts";
import { ownerOfConnection } from "./socket-owner.ts";

/** The header by which members tell who they are; probes and look-ups of members lack it. */
const SENDER = /\r\nx-server-from: *([0-9a-f]+)\r\n/i;

/**
 * TCP proxies in front of the peer ports of a cluster, one a member, so that partitions need neither privileges nor help
 * from the servers: every connection is assigned to the ordered pair of its two processes, and each direction can be held,
 * cut or delayed. Works for plain text and TLS alike; of plain HTTP it reads the sender's ID, which names the process for good
 * once it was looked up.
 *
 * Give `advertise` to the cluster as its `advertisePeerUrl`, and `pidOf` as what tells a member's running process.
 */
export class PeerLinks implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #ports: number[] = [];
  readonly #targets: number[] = [];
  readonly #links: Link[][];
  readonly #pidOf: (index: number) => number | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #byId = new Map<string, number>();
  #unknownSenders = 0;

  private constructor(count: number, pidOf: (index: number) => number | undefined) {
    this.#pidOf = pidOf;
    this.#links = Array.from({ length: count }, () => Array.from({ length: count }, () => new Link()));
  }

  /** Opens a proxy on a free port for each of `count` members. */
  static async listen(count: number, pidOf: (index: number) => number | undefined): Promise<PeerLinks> {
    const links = new PeerLinks(count, pidOf);
    for (let index = 0; index < count; index++) await links.#open(index);
    return links;
  }

  /** The URL that member `index` is to advertise; `listenUrl` is where it listens. */
  advertise(index: number, listenUrl: string): string {
    this.#targets[index] = Number(new URL(listenUrl).port);
    return `http://127.0.0.1:${this.#ports[index]}`;
  }

  /** Sets what becomes of the bytes from one member to another. `delayMs` holds up each piece of an open link. */
  set(from: number, to: number, state: LinkState, delayMs: number = 0): void {
    this.#link(from, to).set(state, delayMs);
  }

  /** Refuses connections to a member as a machine does on which nothing listens: for members that ended. */
  refuse(index: number): void {
    this.#servers[index]?.close();
  }

  /** Takes connections again, on the same port. Rejects if another process has taken it meanwhile. */
  async accept(index: number): Promise<void> {
    if (this.#servers[index]?.listening !== true) await this.#open(index);
  }

  /** Opens every link again, without delay. */
  heal(): void {
    for (const row of this.#links) for (const link of row) link.set("open", 0);
  }

  /** Connections whose sender could not be told; they were closed. A few are normal around kills. */
  get unknownSenders(): number {
    return this.#unknownSenders;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #link(from: number, to: number): Link {
    const link = this.#links[from]?.[to];
    if (link === undefined) throw new Error(`no link from member ${from} to member ${to}`);
    return link;
  }

  #open(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => this.#accept(index, socket));
      server.once("error", reject);
      server.listen(this.#ports[index] ?? 0, "127.0.0.1", () => {
        const address = server.address();
        this.#ports[index] = typeof address === "object" && address !== null ? address.port : 0;
        this.#servers[index] = server;
        resolve();
      });
    });
  }

  #accept(owner: number, inbound: Socket): void {
    this.#track(inbound);
    inbound.once("data", (first: Buffer) => {
      inbound.pause();
      inbound.unshift(first);
      this.#connect(owner, inbound, this.#senderOf(inbound, first));
    });
  }

  #connect(owner: number, inbound: Socket, sender: number | undefined): void {
    const target = this.#targets[owner];
    if (sender === undefined || target === undefined) {
      this.#unknownSenders += 1;
      inbound.destroy();
      return;
    }
    const [there, back] = [this.#link(sender, owner), this.#link(owner, sender)];
    if (there.state === "cut" || back.state === "cut") {
      inbound.resetAndDestroy();
      return;
    }
    const outbound = connect({ port: target, host: "127.0.0.1", noDelay: true });
    this.#track(outbound);
    outbound.once("error", () => inbound.resetAndDestroy());
    new LinkFlow(there, inbound, outbound);
    new LinkFlow(back, outbound, inbound);
  }

  #senderOf(socket: Socket, first: Buffer): number | undefined {
    const id = SENDER.exec(first.toString("latin1"))?.[1];
    const known = id === undefined ? undefined : this.#byId.get(id);
    if (known !== undefined) return known;
    const pids = this.#links.map((_, index) => this.#pidOf(index) ?? 0);
    const running = pids.filter((pid) => pid > 0);
    const pid = ownerOfConnection(socket.remotePort ?? 0, socket.localPort ?? 0, running);
    if (pid === undefined) return undefined;
    const index = pids.indexOf(pid);
    if (id !== undefined) this.#byId.set(id, index);
    return index;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // What matters of an error is the close that follows.
    socket.on("error", () => {});
  }
}
