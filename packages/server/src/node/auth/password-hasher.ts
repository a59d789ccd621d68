import { Worker } from "node:worker_threads";
import bcrypt from "bcryptjs";
import { clientNetwork } from "../client-network.ts";
import { FairQueue } from "./fair-queue.ts";

/** More that wait for the worker than this are refused, those of the client that has most of them: a login would take minutes. */
const WAITING_MAX = 1000;
/** A hash of a higher cost takes more than seconds to compare, and days at bcrypt's highest. Whoever changes a password may choose one. */
const COMPARED_COST_MAX = 16;
const HASH_COST = /^\$2[aby]\$(\d\d)\$/;
/** bcrypt takes no more; Go refuses longer passwords, and so does etcd. */
const PASSWORD_BYTES_MAX = 72;
const WORKER = new URL("../../../bin/password-worker.js", import.meta.url);

/** Work for the worker: without a hash, one is asked for. */
interface Job {
  readonly password: string;
  readonly hash: string | undefined;
  readonly cost: number;
}

/** On whose behalf a password is looked at. */
export interface Asker {
  /** Where it came from: clients take turns. */
  readonly address: string;
  /** Whether somebody still waits for the answer. */
  readonly isWanted: () => boolean;
}

interface Waiting {
  readonly job: Job;
  readonly isWanted: () => boolean;
  readonly resolve: (answer: string | boolean) => void;
  readonly reject: (error: Error) => void;
}

/** Nobody waits for the answer any more. */
export class NotWantedError extends Error {
  constructor() {
    super("nobody waits for the answer");
    this.name = "NotWantedError";
  }
}

/** Too many passwords wait to be hashed. */
export class HasherBusyError extends Error {
  constructor() {
    super("too many passwords wait to be hashed");
    this.name = "HasherBusyError";
  }
}

/**
 * Hashes passwords with bcrypt in a thread of its own, one after the other: each takes about as long as a heartbeat, and many of them
 * at once must not cost a member its leadership. Clients take turns, and so do comparing, which is for logins, and hashing, which is
 * for administrators: none of them can lock the others out. The thread begins with the first password.
 */
export class PasswordHasher {
  readonly #cost: number;
  readonly #comparedCostMax: number;
  #worker: Worker | undefined;
  #comparing = new FairQueue<Waiting>(WAITING_MAX);
  #hashing = new FairQueue<Waiting>(WAITING_MAX);
  /** The thread's, while it is busy. */
  #current: Waiting | undefined;

  /** `cost`: of new hashes, 4 to 31; each one more doubles the time. */
  constructor(cost: number) {
    this.#cost = cost;
    this.#comparedCostMax = Math.max(cost, COMPARED_COST_MAX);
  }

  /** Whether the password is longer than a hash can tell. */
  static isTooLong(password: string): boolean {
    return Buffer.byteLength(password) > PASSWORD_BYTES_MAX;
  }

  /**
   * A password that matches the same hashes and is short, in memory of its own: bcrypt looks at 72 bytes alone, and what clients send
   * while they wait must not add up.
   */
  static comparable(password: string): string {
    // One more, so that a character of two code units is not cut within what counts.
    return Buffer.from(password.slice(0, PASSWORD_BYTES_MAX + 1)).toString();
  }

  /** Whether comparing with this hash would take too long: it matches no password. */
  isTooDear(hash: string): boolean {
    return Number(HASH_COST.exec(hash)?.[1] ?? 0) > this.#comparedCostMax;
  }

  /**
   * The bcrypt text of a password. Rejects with a HasherBusyError, a NotWantedError where `isWanted` says so when its turn has come, or
   * where the thread has ended.
   */
  async hash(password: string, asker: Asker): Promise<string> {
    return String(await this.#ask(this.#hashing, { password, hash: undefined, cost: this.#cost }, asker));
  }

  /** Whether the password is the one of this hash; never for what is no hash, or is too dear. Rejects like `hash`. */
  async matches(password: string, hash: string, asker: Asker): Promise<boolean> {
    if (this.isTooDear(hash)) return false;
    return (await this.#ask(this.#comparing, { password, hash, cost: this.#cost }, asker)) === true;
  }

  /** The same as `hash`, on the spot. */
  hashNow(password: string): string {
    return bcrypt.hashSync(password, this.#cost);
  }

  /** Ends the thread; what waits is rejected. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#fail(new Error("the server is stopping"));
    await worker?.terminate();
  }

  #ask(queue: FairQueue<Waiting>, job: Job, { address, isWanted }: Asker): Promise<string | boolean> {
    return new Promise((resolve, reject) => {
      const refused = queue.push(clientNetwork(address), { job, isWanted, resolve, reject });
      refused?.reject(new HasherBusyError());
      if (this.#current === undefined) this.#next();
    });
  }

  /** Gives the thread the next of those who wait, if it still does. */
  #next(): void {
    const { hash } = this.#current?.job ?? {};
    const [first, second] = hash === undefined ? [this.#comparing, this.#hashing] : [this.#hashing, this.#comparing];
    this.#current = undefined;
    for (let next = first.shift() ?? second.shift(); next !== undefined; next = first.shift() ?? second.shift()) {
      if (next.isWanted()) {
        this.#current = next;
        this.#begin(next.job);
        return;
      }
      next.reject(new NotWantedError());
    }
  }

  #begin(job: Job): void {
    try {
      this.#running().postMessage(job);
    } catch (error) {
      // The system gives no further thread: the next password may find one.
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #answered(answer: string | boolean): void {
    this.#current?.resolve(answer);
    this.#next();
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(WORKER);
    // Whoever waits for an answer is kept alive by their connection.
    worker.unref();
    const ended = (error: Error): void => {
      if (this.#worker === worker) this.#fail(error);
    };
    worker.on("message", (answer: string | boolean) => {
      if (this.#worker === worker) this.#answered(answer);
    });
    worker.on("error", ended);
    worker.on("exit", () => ended(new Error("the thread that hashes passwords has ended")));
    this.#worker = worker;
    return worker;
  }

  #fail(error: Error): void {
    const queues = [this.#comparing, this.#hashing];
    const current = this.#current;
    this.#comparing = new FairQueue(WAITING_MAX);
    this.#hashing = new FairQueue(WAITING_MAX);
    this.#current = undefined;
    this.#worker = undefined;
    current?.reject(error);
    for (const queue of queues)
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) next.reject(error);
  }
}
