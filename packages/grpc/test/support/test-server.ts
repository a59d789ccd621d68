import { GrpcServer, type GrpcServerOptions, type Services, Status } from "../../src/index.ts";

/** What the server told its observer. */
export interface Observed {
  readonly abuses: string[];
  /** What went with them. */
  readonly reasons: (string | undefined)[];
  readonly handlerErrors: unknown[];
  readonly started: string[];
  readonly ended: [path: string, code: number][];
  connections: number;
}

export interface TestServer {
  readonly server: GrpcServer;
  readonly port: number;
  readonly observed: Observed;
  /** Time as the server sees it; moves with {@link TestServer.advance} only. */
  advance(ms: number): void;
}

/** A server on a free loopback port. With `fakeTime` its clock stands still until it is advanced. */
export async function startServer(
  options: Partial<GrpcServerOptions> & { readonly fakeTime?: boolean } = {},
): Promise<TestServer> {
  const { fakeTime, ...rest } = options;
  const observed: Observed = { abuses: [], reasons: [], handlerErrors: [], started: [], ended: [], connections: 0 };
  const time = new FakeTime();
  const server = new GrpcServer({
    services: echoServices(),
    observer: {
      abuse: (kind, _peer, reason) => {
        observed.abuses.push(kind);
        observed.reasons.push(reason);
      },
      handlerError: (_path, error) => observed.handlerErrors.push(error),
      callStarted: (path) => observed.started.push(path),
      callEnded: (path, _kind, code) => observed.ended.push([path, code]),
      connectionOpened: () => observed.connections++,
      connectionClosed: () => observed.connections--,
    },
    ...(fakeTime === true ? { nowMs: () => time.nowMs, startTimer: time.startTimer } : {}),
    ...rest,
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return { server, port, observed, advance: (ms) => time.advance(ms) };
}

class FakeTime {
  nowMs = 1_000_000;
  #timers: { atMs: number; callback: () => void }[] = [];

  readonly startTimer = (callback: () => void, delayMs: number): (() => void) => {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  advance(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const next = this.#timers.sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > end) break;
      this.#timers.shift();
      this.nowMs = next.atMs;
      next.callback();
    }
    this.nowMs = end;
  }
}

/** One method of each kind, and some that misbehave. */
export function echoServices(): Services {
  return {
    "test.Echo": {
      Unary: { kind: "unary", handler: (call, message) => call.respond(message) },
      Twice: {
        kind: "unary",
        handler: (call, message) => {
          const copy = message.slice();
          call.respondParts([copy, copy], copy.length * 2);
        },
      },
      /** Answers with as many zero bytes as the message says, four bytes big-endian. */
      Sized: {
        kind: "unary",
        handler: (call, message) => {
          const length = new DataView(message.buffer, message.byteOffset).getUint32(0);
          call.respondParts([new Uint8Array(length)], length);
        },
      },
      Never: { kind: "unary", handler: () => undefined },
      Throws: {
        kind: "unary",
        handler: () => {
          throw new Error("boom");
        },
      },
      Fails: {
        kind: "unary",
        handler: (call) => call.fail(Status.FAILED_PRECONDITION, "naïve 100% ✓\n", [["x-reason", "because"]]),
      },
      /** Sends the message three times. */
      Repeat: {
        kind: "serverStream",
        handler: (call) => {
          call.onMessage = (message) => {
            for (let i = 0; i < 3; i++) call.send(message);
            call.end();
          };
        },
      },
      /** Counts the messages and their bytes: `count:bytes`. */
      Count: {
        kind: "clientStream",
        handler: (call) => {
          let count = 0;
          let bytes = 0;
          call.onMessage = (message) => {
            count++;
            bytes += message.length;
          };
          call.onHalfClose = () => {
            call.send(Buffer.from(`${count}:${bytes}`));
            call.end();
          };
        },
      },
      Chat: {
        kind: "bidi",
        handler: (call) => {
          call.onMessage = (message) => call.send(message);
          call.onHalfClose = () => call.end();
        },
      },
    },
  };
}
