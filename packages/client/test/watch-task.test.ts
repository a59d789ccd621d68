import { describe, expect, it } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { createEvent, createKeyValue, createResponseHeader, createWatchResponse, type Event } from "@quorate/protocol";
import { WatchTask } from "../src/watch/watch-task.ts";

const put = (modRevision: number): Event => createEvent({ kv: createKeyValue({ key: utf8Bytes("k"), modRevision }) });
const headed = (revision: number) => createResponseHeader({ revision });

function eventsAt(...revisions: readonly number[]) {
  return createWatchResponse({ header: headed(revisions.at(-1) ?? 0), events: revisions.map(put) });
}

/** A task that the server has made at `revision`. */
function created(revision: number, options: ConstructorParameters<typeof WatchTask>[1] = {}): WatchTask {
  const task = new WatchTask("k", options);
  task.onCreated(createWatchResponse({ created: true, watchId: 3n, header: headed(revision) }));
  return task;
}

/** The revisions of everything that is queued. */
async function queued(task: WatchTask): Promise<readonly (readonly number[])[]> {
  task.end();
  const batches: number[][] = [];
  for (let batch = await task.queue.next(); batch !== undefined; batch = await task.queue.next()) {
    batches.push(batch.isProgress ? [] : batch.events.map((event) => event.kv.modRevision));
  }
  return batches;
}

describe("WatchTask", () => {
  it("begins after the revision at which it was made, or where it was told to", () => {
    expect(created(10).createRequest().startRevision).toBe(11);
    expect(created(10, { startRevision: 4 }).createRequest().startRevision).toBe(4);
    expect(created(10, { startRevision: 40 }).createRequest().startRevision).toBe(40);
  });

  it("is made again after the last whole response that it queued", async () => {
    const task = created(10);
    task.onEvents(eventsAt(11, 11, 13));
    task.onEvents({ ...eventsAt(15), fragment: true });
    task.onLost();
    expect(task.createRequest().startRevision).toBe(14);

    task.onCreated(createWatchResponse({ created: true, watchId: 0n, header: headed(20) }));
    task.onEvents({ ...eventsAt(15), fragment: true });
    task.onEvents({ ...eventsAt(15), fragment: true });
    task.onEvents(eventsAt(16));
    expect(task.nextRevision).toBe(17);
    expect(await queued(task)).toEqual([
      [11, 11, 13],
      [15, 15, 16],
    ]);
  });

  it("drops what a server repeats", async () => {
    const task = created(10);
    task.onEvents(eventsAt(11, 12));
    task.onEvents(eventsAt(9, 11, 12));
    task.onEvents(eventsAt(12, 13));
    expect(await queued(task)).toEqual([[11, 12], [13]]);
  });

  it("keeps the newest of several progress batches that nobody took", async () => {
    const task = created(10);
    task.onProgress(headed(12));
    task.onProgress(headed(15));
    task.onEvents(eventsAt(16));
    task.onProgress(headed(17));
    task.onStreamProgress(headed(18));
    expect(await queued(task)).toEqual([[], [16], []]);
  });

  it("goes on where it was, not at its progress, unless that is compacted and its progress is not", () => {
    const task = created(10);
    task.onProgress(headed(30));
    expect(task.createRequest().startRevision).toBe(11);
    expect(task.skipCompacted(32)).toBe(false);
    expect(task.createRequest().startRevision).toBe(11);
    expect(task.skipCompacted(31)).toBe(true);
    expect(task.createRequest().startRevision).toBe(31);
    // It does not help twice.
    expect(task.skipCompacted(31)).toBe(false);
  });

  it("gives progress of the whole stream to who asked for it, and never takes it for its own", async () => {
    const task = created(10);
    task.onStreamProgress(headed(29));
    task.wantsProgress = true;
    task.onStreamProgress(headed(30));
    task.onStreamProgress(headed(31));

    expect(task.skipCompacted(31)).toBe(false);
    expect(task.createRequest().startRevision).toBe(11);
    expect(await queued(task)).toEqual([[]]);
  });

  it("takes a revision of more events than a call can have arguments", async () => {
    const task = created(10);
    const count = 200_000;
    const many = eventsAt(11);
    task.onEvents({ ...many, fragment: true, events: Array.from({ length: count }, () => put(11)) });
    task.onEvents(many);
    const [events] = await queued(task);
    expect(events).toHaveLength(count + 1);
  });

  it("is full beyond its buffer, and roomy at half of it", async () => {
    const task = created(0, { bufferLength: 4 });
    for (let revision = 1; revision <= 4; revision++) task.onEvents(eventsAt(revision));
    expect([task.isFull, task.isRoomy]).toEqual([false, false]);
    task.onEvents(eventsAt(5));
    expect(task.isFull).toBe(true);
    for (let i = 0; i < 3; i++) await task.queue.next();
    expect([task.isFull, task.isRoomy]).toEqual([false, true]);
  });

  it("counts an outage from the loss of a stream on, and none while its user is slow", () => {
    const task = created(0, { bufferLength: 1 });
    expect(task.outageMs).toBe(0);
    task.onEvents(eventsAt(1, 2));
    task.onLost();
    expect(task.outageMs).toBe(0);
    const other = created(0);
    const began = performance.now();
    other.onLost();
    expect(other.outageMs).toBeGreaterThanOrEqual(0);
    expect(other.outageMs).toBeLessThanOrEqual(performance.now() - began + 1);
  });
});
