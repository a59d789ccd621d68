import type { HealthSource, RaisedAlarm, ReadDone, Versions } from "../../src/node/http/index.ts";

/** A member in perfect health, to be made ill field by field. */
export class FakeSource implements HealthSource {
  leader = true;
  learner = false;
  raised: RaisedAlarm[] = [];
  linearizableError: string | undefined;
  serializableError: string | undefined;
  /** Reads are never answered. */
  hangs = false;
  reads: string[] = [];
  cluster: string | undefined = "3.7.0";

  hasLeader(): boolean {
    return this.leader;
  }
  isLearner(): boolean {
    return this.learner;
  }
  alarms(): readonly RaisedAlarm[] {
    return this.raised;
  }
  linearizableRead(done: ReadDone): void {
    this.reads.push("linearizable");
    if (!this.hangs) setImmediate(() => done(this.linearizableError));
  }
  serializableRead(done: ReadDone): void {
    this.reads.push("serializable");
    if (!this.hangs) done(this.serializableError);
  }
  versions(): Versions {
    return { server: "3.7.1", cluster: this.cluster, storage: this.cluster };
  }
  raftStatus(): Readonly<Record<string, unknown>> {
    return { id: "8e9e05c52164694d", term: 2, raftState: "StateLeader" };
  }
}
