import { createHash } from "node:crypto";
import { AgentError } from "../../../src/node/snapshots/agent/agent-error.ts";
import type { ArtifactStore, PutResult, StoredObject } from "../../../src/node/snapshots/agent/artifact-store.ts";

/** A store in memory, which can be away. */
export class MemoryStore implements ArtifactStore {
  readonly name = "memory";
  readonly objects = new Map<string, { bytes: Buffer; modifiedMs: number }>();
  readonly #nowMs: () => number;
  isAway = false;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async put(key: string, source: AsyncIterable<Uint8Array>): Promise<PutResult> {
    this.#reach();
    if (this.objects.has(key)) throw new AgentError("AlreadyExists", `${key} is there`);
    const parts: Uint8Array[] = [];
    for await (const part of source) parts.push(part);
    const bytes = Buffer.concat(parts);
    this.objects.set(key, { bytes, modifiedMs: this.#nowMs() });
    return { sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex"), isConfirmed: true };
  }

  async *get(key: string): AsyncIterable<Uint8Array> {
    this.#reach();
    const found = this.objects.get(key);
    if (found === undefined) throw new AgentError("NotFound", `${key} is not there`);
    yield await Promise.resolve(found.bytes);
  }

  stat(key: string): Promise<StoredObject | undefined> {
    this.#reach();
    const found = this.objects.get(key);
    return Promise.resolve(
      found === undefined ? undefined : { key, sizeBytes: found.bytes.length, modifiedMs: found.modifiedMs },
    );
  }

  async list(folder: string): Promise<readonly StoredObject[]> {
    this.#reach();
    return Promise.resolve(
      [...this.objects]
        .filter(([key]) => key.startsWith(folder))
        .map(([key, { bytes, modifiedMs }]) => ({ key, sizeBytes: bytes.length, modifiedMs })),
    );
  }

  async delete(key: string): Promise<void> {
    this.#reach();
    await Promise.resolve(this.objects.delete(key));
  }

  abandonWrites(): Promise<number> {
    this.#reach();
    return Promise.resolve(0);
  }

  #reach(): void {
    if (this.isAway) throw new AgentError("DestinationUnreachable", "the store is away");
  }
}
