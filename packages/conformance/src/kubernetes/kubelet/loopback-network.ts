import { createServer, type Server } from "node:net";

const FIRST = 40;
const COUNT = 200;
const GUARD_PORT = 9;

/**
 * A part of 127.0.0.0/8 for one harness: `127.N.0.0/16`, held against other harnesses on the machine by a socket on its
 * last address.
 */
export class LoopbackNetwork {
  readonly #guard: Server;
  readonly #prefix: string;
  #next = 1;

  private constructor(guard: Server, prefix: string) {
    this.#guard = guard;
    this.#prefix = prefix;
  }

  /** Rejects when all are taken. */
  static async take(): Promise<LoopbackNetwork> {
    for (let attempt = 0; attempt < COUNT; attempt++) {
      const prefix = `127.${FIRST + ((process.pid + attempt) % COUNT)}.`;
      const guard = await listen(`${prefix}255.254`);
      if (guard !== undefined) return new LoopbackNetwork(guard, prefix);
    }
    throw new Error("no free loopback network");
  }

  /** An address that this harness has not used yet; they are used up after some 50,000. */
  address(): string {
    // Last numbers 1 to 250, so that no address looks like that of a network.
    const [high, low] = [Math.floor(this.#next / 250), 1 + (this.#next % 250)];
    if (high > 250) throw new Error("no free address");
    this.#next += 1;
    return `${this.#prefix}${high}.${low}`;
  }

  async release(): Promise<void> {
    await new Promise<void>((done) => this.#guard.close(() => done()));
  }
}

function listen(host: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(GUARD_PORT, host, () => resolve(server));
  });
}
