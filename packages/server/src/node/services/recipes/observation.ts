import type { StreamCall } from "@quorate/grpc";
import {
  createLeaderResponse,
  createWatchCreateRequest,
  EventType,
  encodeLeaderResponse,
  type KeyValue,
  type ResponseHeader,
} from "@quorate/protocol";
import { CallerGone } from "./caller-gone.ts";
import type { Candidates } from "./candidates.ts";
import { InnerStatus } from "./inner-call.ts";
import type { InnerClient } from "./inner-client.ts";

/** What a leader said, and when. */
interface Word {
  readonly header: ResponseHeader | undefined;
  readonly kv: KeyValue;
}

/**
 * Sends what the leader says, then what each leader behind it says, as fast as `call` takes it. Resolves when the API refuses to go on:
 * etcd ends the stream with OK then. gRPC API page, section 12.
 */
export async function observeLeaders(client: InnerClient, candidates: Candidates, call: StreamCall): Promise<void> {
  const tell = async ({ header, kv }: Word): Promise<void> => {
    if (client.caller.isGone) throw new CallerGone();
    const bytes = encodeLeaderResponse(createLeaderResponse({ header, kv }));
    if (!call.send(bytes)) await hasRoom(client, call);
  };
  try {
    for (;;) await followOne(client, candidates, tell);
  } catch (error) {
    if (!(error instanceof InnerStatus)) throw error;
  }
}

/** Follows one leader, the next that there is, until its end. */
async function followOne(
  client: InnerClient,
  candidates: Candidates,
  tell: (word: Word) => Promise<void>,
): Promise<void> {
  const { header, kvs } = await client.range(candidates.first);
  const [kv] = kvs;
  const word = kv === undefined ? await firstWord(client, candidates, header?.revision ?? 0) : { header, kv };
  // The candidates' history is gone: who leads now is asked anew.
  if (word === undefined) return;
  await tell(word);
  const startRevision = (word.header?.revision ?? 0) + 1;
  const watch = client.watch(createWatchCreateRequest({ key: word.kv.key, startRevision }));
  try {
    for (;;) {
      const response = await watch.next();
      if (response === undefined) throw new CallerGone();
      if (response.canceled) return endOf(response);
      for (const event of response.events) {
        if (event.type === EventType.DELETE) return;
        if (event.kv !== undefined) await tell({ header: response.header, kv: event.kv });
      }
    }
  } finally {
    watch.close();
  }
}

/** The first that any candidate says from `revision` on; undefined when that is compacted. */
async function firstWord(client: InnerClient, candidates: Candidates, revision: number): Promise<Word | undefined> {
  const watch = client.watch(candidates.watchFrom(revision));
  try {
    for (;;) {
      const response = await watch.next();
      if (response === undefined) throw new CallerGone();
      if (response.canceled) return endOf(response);
      const kv = response.events.find((event) => event.type === EventType.PUT)?.kv;
      // The response may be of several revisions; the candidate's own is what counts.
      if (kv !== undefined && response.header !== undefined) {
        return { header: { ...response.header, revision: kv.modRevision }, kv };
      }
    }
  } finally {
    watch.close();
  }
}

/** A watch that compaction has ended is made anew; any other end is that of the observation. */
function endOf(response: { readonly compactRevision: number; readonly cancelReason: string }): undefined {
  if (response.compactRevision > 0) return undefined;
  throw new InnerStatus(2, response.cancelReason);
}

/** Resolves when the call takes more; rejects when the caller goes away instead. */
function hasRoom({ caller }: InnerClient, call: StreamCall): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = caller.onGone(() => reject(new CallerGone()));
    call.onDrain = () => {
      forget();
      resolve();
    };
  });
}
