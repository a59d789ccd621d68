/** The proxies between members must pass, hold, delay and cut each direction by itself. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { PeerLinks, waitUntil } from "../src/index.ts";

const DIALLER = 0;
const LISTENER = 1;
/** Long against a loopback round trip; what is held must not arrive within it. */
const QUIET_MS = 150;

/** A connection from member 0 to member 1 through the proxy, with what arrived at either end. */
class Wire implements AsyncDisposable {
  readonly links: PeerLinks;
  readonly url: string;
  readonly #server: Server;
  dialled: Socket | undefined;
  accepted: Socket | undefined;
  atDialler: string = "";
  atListener: string = "";

  private constructor(links: PeerLinks, server: Server) {
    this.links = links;
    this.#server = server;
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    this.url = links.advertise(LISTENER, `http://127.0.0.1:${port}`);
    server.on("connection", (socket) => {
      this.accepted = socket;
      socket.on("data", (bytes) => {
        this.atListener += bytes.toString();
      });
      socket.on("error", () => {});
    });
  }

  static async open(): Promise<Wire> {
    const links = await PeerLinks.listen(2, (index) => (index === DIALLER ? process.pid : undefined));
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", () => done()));
    return new Wire(links, server);
  }

  dial(): Socket {
    const socket = connect(Number(new URL(this.url).port), "127.0.0.1");
    socket.on("data", (bytes) => {
      this.atDialler += bytes.toString();
    });
    socket.on("error", () => {});
    this.dialled = socket;
    return socket;
  }

  async connected(): Promise<Socket> {
    this.dial().write("hello");
    await waitUntil(() => this.atListener === "hello", { what: "the first bytes", timeoutMs: 5000 });
    if (this.accepted === undefined) throw new Error("bytes without a connection");
    return this.accepted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dialled?.destroy();
    this.accepted?.destroy();
    await this.links.close();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

describe("PeerLinks", () => {
  it("holds one direction while the other flows, and passes what it held when healed", async () => {
    await using wire = await Wire.open();
    const accepted = await wire.connected();

    wire.links.set(DIALLER, LISTENER, "held");
    wire.dialled?.write(" there");
    accepted.write("back");
    await waitUntil(() => wire.atDialler === "back", { what: "the open direction", timeoutMs: 5000 });
    await sleep(QUIET_MS);
    expect(wire.atListener).toBe("hello");

    wire.links.heal();
    await waitUntil(() => wire.atListener === "hello there", { what: "the held bytes", timeoutMs: 5000 });
  });

  it("does not tell an end over a held link, and tells it when healed", async () => {
    await using wire = await Wire.open();
    const accepted = await wire.connected();

    wire.links.set(DIALLER, LISTENER, "held");
    wire.dialled?.destroy();
    await sleep(QUIET_MS);
    expect(accepted.destroyed).toBe(false);

    wire.links.heal();
    await waitUntil(() => accepted.destroyed, { what: "the end", timeoutMs: 5000 });
  });

  it("closes connections over a cut link and refuses new ones", async () => {
    await using wire = await Wire.open();
    const accepted = await wire.connected();

    wire.links.set(LISTENER, DIALLER, "cut");
    await waitUntil(() => accepted.destroyed && wire.dialled?.destroyed === true, {
      what: "both ends",
      timeoutMs: 5000,
    });
    const refused = wire.dial();
    refused.write("hello");
    await waitUntil(() => refused.destroyed, { what: "the refusal", timeoutMs: 5000 });

    wire.links.heal();
    wire.atListener = "";
    await wire.connected();
  });

  it("refuses connections to a member that ended, and takes them again on the same port", async () => {
    await using wire = await Wire.open();
    wire.links.refuse(LISTENER);
    let code: string | undefined;
    wire.dial().on("error", (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    await waitUntil(() => code !== undefined, { what: "the refusal", timeoutMs: 5000 });
    expect(code).toBe("ECONNREFUSED");

    await wire.links.accept(LISTENER);
    await wire.connected();
  });

  it("delays every piece and keeps them in order", async () => {
    await using wire = await Wire.open();
    await wire.connected();

    wire.links.set(DIALLER, LISTENER, "open", 100);
    const started = performance.now();
    wire.dialled?.write("1");
    wire.dialled?.write("2");
    await waitUntil(() => wire.atListener === "hello12", { what: "delayed bytes", timeoutMs: 5000 });
    expect(performance.now() - started).toBeGreaterThan(95);
  });

  it("closes connections of processes that are no members", async () => {
    await using wire = await Wire.open();
    const strangers = await PeerLinks.listen(2, () => undefined);
    try {
      const socket = connect(Number(new URL(strangers.advertise(LISTENER, wire.url)).port), "127.0.0.1");
      socket.write("hello");
      await waitUntil(() => socket.destroyed, { what: "the refusal", timeoutMs: 5000 });
      expect(strangers.unknownSenders).toBe(1);
    } finally {
      await strangers.close();
    }
  });
});
