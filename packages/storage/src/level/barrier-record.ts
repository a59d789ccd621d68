import type { ConfState } from "@quorate/raft";
import type { Barrier } from "../barrier.ts";

/** What the engine remembers of a barrier: besides the barrier itself how many revision records it covers. */
export interface BarrierRecord extends Barrier {
  readonly recordCount: number;
  /** Bytes of those records, keys included. */
  readonly recordBytes: number;
}

/** As JSON text: it is read by people when things go wrong. IDs are decimal strings. */
export function encodeBarrierRecord(record: BarrierRecord): Uint8Array {
  const { confState } = record;
  return new TextEncoder().encode(
    JSON.stringify({
      index: record.index,
      term: record.term,
      revision: record.revision,
      recordCount: record.recordCount,
      recordBytes: record.recordBytes,
      voters: confState.voters.map(String),
      learners: confState.learners.map(String),
      votersOutgoing: confState.votersOutgoing.map(String),
      learnersNext: confState.learnersNext.map(String),
      autoLeave: confState.autoLeave,
    }),
  );
}

/** Undefined for bytes that are no barrier record. */
export function decodeBarrierRecord(bytes: Uint8Array): BarrierRecord | undefined {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const numbers = [json["index"], json["term"], json["revision"], json["recordCount"], json["recordBytes"]];
    if (!numbers.every((value) => Number.isSafeInteger(value))) return undefined;
    const [index, term, revision, recordCount, recordBytes] = numbers as [number, number, number, number, number];
    const confState: ConfState = {
      voters: ids(json["voters"]),
      learners: ids(json["learners"]),
      votersOutgoing: ids(json["votersOutgoing"]),
      learnersNext: ids(json["learnersNext"]),
      autoLeave: json["autoLeave"] === true,
    };
    return { index, term, revision, recordCount, recordBytes, confState };
  } catch {
    return undefined;
  }
}

function ids(value: unknown): bigint[] {
  if (!Array.isArray(value)) throw new TypeError("a list of IDs");
  return value.map((id) => BigInt(id as string));
}
