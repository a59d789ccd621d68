import { describe, expect, it, jest } from "@jest/globals";
import { EMPTY_CONF_STATE, EntryType, MemoryLogStorage, type RawNode } from "@quorate/raft";
import { CatchUpLog } from "../../src/core/catch-up-log.ts";

const CONFIG = { catchUpEntries: 100, catchUpBytesMax: 1_000_000, snapshotGraceTicks: 10 };
const BYTES = 50;

/** A leader of two, and a log that it applies entry by entry. */
class Scene {
  readonly raftLog = new MemoryLogStorage();
  readonly log = new CatchUpLog(CONFIG, this.raftLog);
  readonly pack = jest.spyOn(this.raftLog, "pack");
  /** The follower has everything up to here; undefined: everything. */
  match: number | undefined;
  isActive = true;
  state = "replicate";
  #index = 0;

  apply(count: number): void {
    for (let i = 0; i < count; i++) {
      const index = ++this.#index;
      this.raftLog.append([{ index, term: 1, type: EntryType.Normal, data: new Uint8Array(BYTES) }]);
      const peer = { id: 2n, match: this.match ?? index, recentActive: this.isActive, state: this.state };
      const raft = { id: 1n, role: "leader", confState: EMPTY_CONF_STATE, status: () => ({ peers: [peer] }) };
      this.log.applied(index, BYTES, raft as unknown as RawNode);
    }
  }

  get kept(): number {
    return this.raftLog.lastIndex() - this.raftLog.firstIndex() + 1;
  }
}

describe("the log for members that are behind", () => {
  it("is short, and nothing is packed, where nobody lags", () => {
    const scene = new Scene();
    scene.apply(5000);
    expect(scene.kept).toBeGreaterThanOrEqual(CONFIG.catchUpEntries);
    expect(scene.kept).toBeLessThanOrEqual(2.5 * CONFIG.catchUpEntries);
    expect(scene.pack).not.toHaveBeenCalled();
  });

  it("has what an active follower lacks, packed but for the newest, until it has it", () => {
    const scene = new Scene();
    scene.match = 0;
    scene.apply(5000);
    expect(scene.raftLog.firstIndex()).toBe(1);
    const packedTo = Math.max(...scene.pack.mock.calls.map(([index]) => index));
    expect(5000 - packedTo).toBeLessThanOrEqual(2 * CONFIG.catchUpEntries);
    scene.match = undefined;
    scene.apply(300);
    expect(scene.kept).toBeLessThanOrEqual(2.5 * CONFIG.catchUpEntries);
  });

  it.each(["gone", "getting a snapshot"])("keeps nothing for a follower that is %s", (how) => {
    const scene = new Scene();
    scene.match = 0;
    if (how === "gone") scene.isActive = false;
    else scene.state = "snapshot";
    scene.apply(5000);
    expect(scene.kept).toBeLessThanOrEqual(2.5 * CONFIG.catchUpEntries);
  });

  it("is bounded by bytes whoever lags, and by four times as many while a snapshot is on its way", () => {
    const scene = new Scene();
    scene.match = 0;
    const most = CONFIG.catchUpBytesMax / BYTES;
    scene.apply(2 * most);
    expect(scene.kept).toBeLessThanOrEqual(most);
    const sent = scene.raftLog.lastIndex();
    scene.log.snapshotBegan(2n, sent);
    scene.apply(3 * most);
    expect(scene.raftLog.firstIndex()).toBeLessThanOrEqual(sent);
    scene.apply(2 * most);
    expect(scene.kept).toBeLessThanOrEqual(4 * most);
    expect(scene.log.snapshotEnded(2n, "failed", 1)).toBe(sent);
    scene.apply(most);
    expect(scene.kept).toBeLessThanOrEqual(most);
  });

  it("has the log behind a delivered snapshot for a while", () => {
    const scene = new Scene();
    scene.isActive = false;
    scene.apply(1000);
    scene.log.snapshotBegan(2n, 1000);
    scene.log.snapshotEnded(2n, "delivered", 5);
    scene.apply(1000);
    expect(scene.raftLog.firstIndex()).toBeLessThanOrEqual(1001);
    scene.log.tick(5 + CONFIG.snapshotGraceTicks + 1);
    scene.apply(1000);
    expect(scene.kept).toBeLessThanOrEqual(2.5 * CONFIG.catchUpEntries);
  });
});
