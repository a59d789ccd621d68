import { describe, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import type { Metadata, Method, Services, StreamCall, UnaryCall } from "@quorate/grpc";
import { createRangeRequest, encodeRangeRequest } from "@quorate/protocol";
import { Gate, type GatePort } from "../../src/node/services/gate.ts";

const INSISTS = { get: (name: string) => (name === "hasleader" ? "true" : undefined) } as unknown as Metadata;
const INDIFFERENT = { get: () => undefined } as unknown as Metadata;
const NO_LEADER = "14 etcdserver: no leader";
const NOT_FOR_LEARNERS = "9 etcdserver: rpc not supported for learner";

/** A call that notes what it was answered. */
class FakeCall {
  readonly metadata: Metadata;
  readonly answers: string[] = [];
  ended = false;
  onMessage: ((message: Uint8Array) => void) | undefined;
  onCancel: (() => void) | undefined;
  onHalfClose: (() => void) | undefined;

  constructor(metadata = INDIFFERENT) {
    this.metadata = metadata;
  }

  fail(code: number, message: string): void {
    this.ended = true;
    this.answers.push(`${code} ${message}`);
  }

  respond(message: Uint8Array): void {
    this.ended = true;
    this.answers.push(new TextDecoder().decode(message));
  }

  end(): void {
    this.ended = true;
    this.answers.push("0");
  }
}

interface Switches {
  leader: boolean;
  learner: boolean;
  serving: boolean;
}

class Bench {
  readonly now: Switches = { leader: true, learner: false, serving: true };
  readonly waiting: (() => void)[] = [];
  readonly gate: Gate;
  readonly events: string[] = [];
  readonly #services: Services;

  constructor() {
    const { now, waiting } = this;
    const port: GatePort = {
      hasLeader: () => now.leader,
      isLearner: () => now.learner,
      isServing: () => now.serving,
      whenServing: (run) => waiting.push(run),
    };
    this.gate = new Gate(port);
    const unary: Method = { kind: "unary", handler: (call, message) => call.respond(message) };
    const bidi: Method = {
      kind: "bidi",
      handler: (call) => {
        call.onCancel = () => this.events.push("cancelled");
        call.onMessage = () => call.fail(13, "malformed");
        call.onHalfClose = () => call.end();
      },
    };
    const serverStream: Method = { kind: "serverStream", handler: () => this.events.push("streams") };
    this.#services = this.gate.guard({
      "etcdserverpb.KV": { Range: unary, Put: unary, RangeStream: serverStream },
      "etcdserverpb.Maintenance": { Status: unary, Snapshot: serverStream },
      "etcdserverpb.Watch": { Watch: bidi },
    });
  }

  unary(path: string, message: Uint8Array = utf8Bytes("answer"), call: FakeCall = new FakeCall()): FakeCall {
    const method = this.#method(path);
    if (method.kind !== "unary") throw new Error(`${path} is a stream`);
    method.handler(call as unknown as UnaryCall, message);
    return call;
  }

  stream(path: string, call: FakeCall = new FakeCall()): FakeCall {
    const method = this.#method(path);
    if (method.kind === "unary") throw new Error(`${path} is no stream`);
    method.handler(call as unknown as StreamCall);
    return call;
  }

  #method(path: string): Method {
    const [service = "", name = ""] = path.split("/");
    const method = this.#services[`etcdserverpb.${service}`]?.[name];
    if (method === undefined) throw new Error(`there is no ${path}`);
    return method;
  }
}

describe("the gate before a member's services", () => {
  it("lets everything through at a voter with a leader", () => {
    const bench = new Bench();
    expect(bench.unary("KV/Put").answers).toEqual(["answer"]);
    expect(bench.unary("KV/Put", undefined, new FakeCall(INSISTS)).answers).toEqual(["answer"]);
    bench.stream("KV/RangeStream");
    expect(bench.events).toEqual(["streams"]);
    expect(bench.stream("Watch/Watch").answers).toEqual([]);
  });

  it("lets a learner answer its status, serializable reads and snapshots alone", () => {
    const bench = new Bench();
    bench.now.learner = true;
    const range = (serializable: boolean): Uint8Array =>
      encodeRangeRequest(createRangeRequest({ key: utf8Bytes("k"), serializable }));
    expect(bench.unary("Maintenance/Status").answers).toEqual(["answer"]);
    expect(bench.unary("KV/Range", range(true)).answers).toHaveLength(1);
    expect(bench.unary("KV/Range", range(false)).answers).toEqual([NOT_FOR_LEARNERS]);
    expect(bench.unary("KV/Put").answers).toEqual([NOT_FOR_LEARNERS]);
    expect(bench.stream("Watch/Watch").answers).toEqual([NOT_FOR_LEARNERS]);
    expect(bench.stream("KV/RangeStream").answers).toEqual([NOT_FOR_LEARNERS]);
    expect(bench.stream("Maintenance/Snapshot").answers).toEqual([]);
    expect(bench.events).toEqual(["streams"]);
    // What cannot be decoded is the handler's to answer.
    expect(bench.unary("KV/Range", new Uint8Array([0xff])).answers).not.toEqual([NOT_FOR_LEARNERS]);
  });

  it("refuses clients that insist on a leader where there is none, and nobody else", () => {
    const bench = new Bench();
    bench.now.leader = false;
    expect(bench.unary("KV/Put", undefined, new FakeCall(INSISTS)).answers).toEqual([NO_LEADER]);
    expect(bench.stream("Watch/Watch", new FakeCall(INSISTS)).answers).toEqual([NO_LEADER]);
    expect(bench.unary("KV/Put").answers).toEqual(["answer"]);
    expect(bench.stream("Watch/Watch").answers).toEqual([]);
    expect(bench.gate.watchedCount).toBe(0);
  });

  it("defers requests while the state is being replaced, with their bytes as they were", () => {
    const bench = new Bench();
    bench.now.serving = false;
    const message = utf8Bytes("answer");
    const call = bench.unary("KV/Put", message);
    message.fill(0);
    expect(call.answers).toEqual([]);
    expect(bench.unary("Maintenance/Status", utf8Bytes("how it fares")).answers).toEqual(["how it fares"]);
    bench.now.serving = true;
    for (const run of bench.waiting) run();
    expect(call.answers).toEqual(["answer"]);
  });

  it("ends the open streams of those who insist when the leader is lost, once, and tells their handlers", () => {
    const bench = new Bench();
    const insisting = bench.stream("Watch/Watch", new FakeCall(INSISTS));
    const indifferent = bench.stream("Watch/Watch");
    bench.gate.leaderLost();
    bench.gate.leaderLost();
    expect([insisting.answers, indifferent.answers]).toEqual([[NO_LEADER], []]);
    expect(bench.events).toEqual(["cancelled"]);
    expect(bench.gate.watchedCount).toBe(0);
  });

  it("ends observations of an election too, which last though the client says nothing more", () => {
    const bench = new Bench();
    const observe: Method = { kind: "serverStream", handler: () => {} };
    const method = bench.gate.guard({ "v3electionpb.Election": { Observe: observe } })["v3electionpb.Election"]?.[
      "Observe"
    ];
    const call = new FakeCall(INSISTS);
    if (method?.kind === "serverStream") method.handler(call as unknown as StreamCall);
    bench.gate.leaderLost();
    expect(call.answers).toEqual([NO_LEADER]);
  });

  it("forgets streams whose clients go, and tells their handlers as before", () => {
    const bench = new Bench();
    const call = bench.stream("Watch/Watch", new FakeCall(INSISTS));
    expect(bench.gate.watchedCount).toBe(1);
    call.onCancel?.();
    expect(bench.events).toEqual(["cancelled"]);
    bench.gate.leaderLost();
    expect([bench.gate.watchedCount, call.answers, bench.events]).toEqual([0, [], ["cancelled"]]);
  });

  it("leaves alone what a stream's object has become, once the stream has ended by itself", () => {
    const bench = new Bench();
    const ends: ((call: FakeCall) => void)[] = [
      (call) => call.onHalfClose?.(),
      (call) => call.onMessage?.(new Uint8Array(0)),
    ];
    for (const end of ends) {
      const call = bench.stream("Watch/Watch", new FakeCall(INSISTS));
      end(call);
      call.answers.length = 0;
      bench.gate.leaderLost();
      expect(call.answers).toEqual([]);

      const again = bench.stream("Watch/Watch", new FakeCall(INSISTS));
      end(again);
      again.answers.length = 0;
      // The transport uses the object for another call, whose client does not insist.
      Object.assign(again, { ended: false, onCancel: () => bench.events.push("another call") });
      bench.gate.leaderLost();
      expect([again.answers, bench.events]).toEqual([[], []]);
    }
  });

  it("does not remember all streams that have ever ended", () => {
    const bench = new Bench();
    const open = Array.from({ length: 10 }, () => bench.stream("Watch/Watch", new FakeCall(INSISTS)));
    for (let i = 0; i < 10_000; i++) {
      bench.stream("Watch/Watch", new FakeCall(INSISTS)).onHalfClose?.();
      expect(bench.gate.watchedCount).toBeLessThanOrEqual(65);
    }
    bench.gate.leaderLost();
    expect(open.map(({ answers }) => answers)).toEqual(open.map(() => [NO_LEADER]));
  });
});
