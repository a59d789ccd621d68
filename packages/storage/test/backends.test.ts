import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { type BackendFixture, backendContract } from "@quorate/mvcc/testing";
import { LevelBackend, MemoryBackend, NODE_FILE_SYSTEM } from "@quorate/storage";

const NOBODY = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

backendContract("MemoryBackend", { describe, it, expect }, () => ({
  backend: new MemoryBackend(),
  settle: () => new Promise((resolve) => setImmediate(resolve)),
  close: () => undefined,
}));

async function levelFixture(directory: string): Promise<BackendFixture> {
  const backend = await LevelBackend.open({
    directory,
    fs: NODE_FILE_SYSTEM,
    writeDelayMs: 0,
    fatal: (error) => {
      throw error;
    },
  });
  return {
    backend,
    settle: () => backend.settle(),
    reopen: async () => {
      await new Promise<void>((resolve, reject) =>
        backend.barrier({ index: 1, term: 1, revision: Number.MAX_SAFE_INTEGER - 1, confState: NOBODY }, (error) =>
          error === undefined ? resolve() : reject(error),
        ),
      );
      await backend.close();
      return levelFixture(directory);
    },
    close: async () => {
      await backend.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

backendContract("LevelBackend", { describe, it, expect }, () =>
  levelFixture(mkdtempSync(join(tmpdir(), "quorate-level-"))),
);
