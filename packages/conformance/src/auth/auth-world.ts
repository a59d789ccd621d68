import { prefixEnd } from "@quorate/base";
import type { SeededChoice } from "@quorate/testkit";
import type { KeyRange } from "../differential/key-space.ts";
import type { AuthStep } from "./auth-step.ts";

export const ROOT = "root";
/** Users that may come and go. The last one's name is not ASCII, and sorts by its bytes alone. */
export const USERS: readonly string[] = ["alice", "bob", "carol", "dave", "erin", "\u{1f600}"];
export const ROLES: readonly string[] = ["r0", "r1", "r2", "r3", "r4", "\u{ff5e}"];
export const LEASES: readonly string[] = ["11", "12", "13", "14", "15"];
/** Users and roles by name. */
export interface Names {
  readonly users: readonly string[];
  readonly roles: readonly string[];
}

const LETTERS = Array.from("abcdefgh");

/** What the generator believes of both servers, so that most requests have something to meet. */
export class AuthWorld {
  readonly #choice: SeededChoice;
  readonly names: Names;
  /** Passwords of the users that are there. */
  readonly passwords: Map<string, string> = new Map();
  isEnabled = false;

  constructor(choice: SeededChoice, names: Names = { users: USERS, roles: ROLES }) {
    this.#choice = choice;
    this.names = names;
  }

  /** Keeps what is believed of the servers true. */
  observe(step: AuthStep, answer: { readonly ok?: boolean }): void {
    if (answer.ok !== true || step.kind !== "call") return;
    const { passwords } = this;
    const { method, request } = step;
    const name = String(request["name"]);
    if (method === "Auth/UserAdd" && request["options"] === undefined) passwords.set(name, String(request["password"]));
    else if (method === "Auth/UserChangePassword" && passwords.has(name))
      passwords.set(name, String(request["password"]));
    else if (method === "Auth/UserDelete") passwords.delete(name);
    else if (method === "Auth/AuthEnable") this.isEnabled = true;
    else if (method === "Auth/AuthDisable") this.isEnabled = false;
  }

  user(): string {
    return this.#choice.oneIn(15) ? "stranger" : this.#choice.pick(this.names.users);
  }

  role(): string {
    return this.#choice.oneIn(15) ? "missing" : this.#choice.pick(this.names.roles);
  }

  password(): string {
    return `pw${this.#choice.below(3)}`;
  }

  key(): Buffer {
    const letter = this.#choice.pick(LETTERS);
    return Buffer.from(this.#choice.oneIn(3) ? `${letter}${this.#choice.pick(LETTERS)}` : letter);
  }

  /** One key, an interval, a prefix, or all from a key on; never the wrong way round. */
  range(): KeyRange {
    const key = this.key();
    switch (this.#choice.weighted({ one: 40, interval: 40, prefix: 15, from: 5, all: 1 })) {
      case "one":
        return { key, range_end: Buffer.alloc(0) };
      case "interval": {
        const [low, high] = [key, this.key()].sort((a, b) => Buffer.compare(a, b)) as [Buffer, Buffer];
        return { key: low, range_end: low.equals(high) ? Buffer.concat([low, Buffer.from([0])]) : high };
      }
      case "prefix":
        return { key, range_end: Buffer.from(prefixEnd(key)) };
      case "from":
        return { key, range_end: Buffer.from([0]) };
      default:
        return { key: Buffer.from([0]), range_end: Buffer.from([0]) };
    }
  }
}
