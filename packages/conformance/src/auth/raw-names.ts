import type { Message } from "../etcd-api.ts";
import type { AuthStep } from "./auth-step.ts";

/** Characters in names of users and roles, and the bytes, no UTF-8, that stand in their place on the wire: as many as their own. */
const RAW_BYTES: ReadonlyMap<string, Buffer> = new Map([
  ["\u{f8ff}", Buffer.from([0xfe, 0xff, 0xff])],
  ["\u{f8fe}", Buffer.from([0xfe, 0xff, 0xfe])],
]);

/**
 * Names that members of etcd before 3.7 take and later ones do not: they are not UTF-8, but for the last one, which is what the
 * others look like to whoever decodes them with replacement characters.
 */
export const RAW_NAMES: readonly string[] = [...RAW_BYTES.keys(), "\ufffd\ufffd\ufffd"];

/** Whether a step names what is not UTF-8. */
export function hasRawName(step: AuthStep): boolean {
  if (step.kind === "login") return isRaw(step.name);
  return step.kind === "call" && ["name", "user", "role"].some((field) => isRaw(step.request[field]));
}

/** A request's bytes with the names in it as they are meant. */
export function withRawNames(request: Message, bytes: Buffer): Buffer {
  if (!Object.values(request).some(isRaw)) return bytes;
  const raw = Buffer.from(bytes);
  for (const [character, meant] of RAW_BYTES) {
    for (let at = raw.indexOf(character); at >= 0; at = raw.indexOf(character)) meant.copy(raw, at);
  }
  return raw;
}

function isRaw(name: unknown): boolean {
  return typeof name === "string" && [...RAW_BYTES.keys()].some((character) => name.includes(character));
}
