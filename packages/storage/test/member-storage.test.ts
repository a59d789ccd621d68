import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { crc32c } from "@quorate/base";
import { StorageError } from "@quorate/storage";
import { dump, scratch } from "./support/level-fixture.ts";
import { apply, checkpoint, crashImage, IDENTITY, openMember, propose } from "./support/member-fixture.ts";

function newestSegment(dataDirectory: string): string {
  const wal = join(dataDirectory, "member/wal");
  return join(
    wal,
    readdirSync(wal)
      .filter((name) => name.endsWith(".wal"))
      .sort()
      .at(-1) as string,
  );
}

describe("a member's storage", () => {
  it("is made, closed, and found again", async () => {
    using directory = scratch();
    const storage = await openMember(join(directory.path, "new/data"));
    expect([storage.isNew, storage.identity, storage.barrier]).toEqual([true, IDENTITY, undefined]);
    await propose(storage, 1, 11);
    await storage.close();
    const again = await openMember(join(directory.path, "new/data"), {
      newIdentity: () => {
        throw new Error("not asked again");
      },
    });
    expect([again.isNew, again.identity, again.barrier]).toEqual([false, IDENTITY, undefined]);
    expect(again.contents.entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await dump(again.backend)).toBe("");
    await again.close();
    expect(existsSync(join(directory.path, "new/data/member/quorate.lock"))).toBe(false);
  });

  it("gets to the same state from its newest checkpoint and the log, after a crash at any point", async () => {
    using directory = scratch();
    const data = join(directory.path, "data");
    const storage = await openMember(data);
    let checks = 0;
    for (let index = 1; index <= 300; index += 25) {
      await propose(storage, index, index + 25);
      const saving = index % 50 === 1 ? checkpoint(storage, index + 24) : Promise.resolve();
      const image = join(directory.path, `image${index}`);
      crashImage(data, image);
      const expected = await dump(storage.backend);
      const recovered = await openMember(image);
      const from = (recovered.barrier?.index ?? 0) + 1;
      expect(recovered.contents.entries[0]?.index ?? from).toBe(from);
      for (const each of recovered.contents.entries) apply(recovered, each);
      expect(await dump(recovered.backend)).toBe(expected);
      await recovered.close();
      await saving;
      checks++;
    }
    expect(checks).toBe(12);
    expect(storage.log.firstIndex).toBeGreaterThan(100);
    await storage.close();
  });

  it("starts at a checkpoint with nothing to replay", async () => {
    using directory = scratch();
    const storage = await openMember(directory.path);
    await propose(storage, 1, 201);
    await checkpoint(storage, 200);
    const expected = await dump(storage.backend);
    await storage.close();
    const again = await openMember(directory.path);
    expect(again.barrier?.index).toBe(200);
    expect(again.contents.entries).toEqual([]);
    expect(again.contents.snapshots.at(-1)).toMatchObject({ index: 200, term: 1 });
    expect(again.contents.hardState.commit).toBe(200);
    expect(await dump(again.backend)).toBe(expected);
    await again.close();
  });

  it("refuses a log that ends before what had been applied", async () => {
    using directory = scratch();
    const storage = await openMember(directory.path);
    await propose(storage, 1, 21);
    await storage.close();
    const segment = newestSegment(directory.path);
    truncateSync(segment, 3000);
    await expect(openMember(directory.path)).rejects.toThrow(
      new RegExp(`the log ends at index \\d+, but index 20 had been applied: ${segment} at byte \\d+; restore`),
    );
    // Nothing was cut or repaired on the way.
    expect(readdirSync(join(directory.path, "member/wal")).length).toBe(1);
  });

  it("refuses to start over when the log is gone", async () => {
    using directory = scratch();
    const storage = await openMember(directory.path);
    await propose(storage, 1, 5);
    await storage.close();
    rmSync(join(directory.path, "member/wal"), { recursive: true });
    await expect(openMember(directory.path)).rejects.toThrow(
      /the log is gone, but the engine holds data: .*wal; restore/,
    );
  });

  it("rebuilds a damaged engine from the whole log, if told so", async () => {
    using directory = scratch();
    const storage = await openMember(directory.path);
    await propose(storage, 1, 31);
    const expected = await dump(storage.backend);
    await storage.close();
    rmSync(join(directory.path, "member/db/CURRENT"));
    await expect(openMember(directory.path)).rejects.toMatchObject({ code: "damaged" });
    const again = await openMember(directory.path, { rebuildEngine: "ifDamaged" });
    expect(again.contents.entries.length).toBe(30);
    for (const each of again.contents.entries) apply(again, each);
    expect(await dump(again.backend)).toBe(expected);
    await checkpoint(again, 30);
    await propose(again, 31, 200);
    await checkpoint(again, 199);
    await again.close();
    await expect(openMember(directory.path, { rebuildEngine: "always" })).rejects.toThrow(/no longer reaches back/);
  });

  it("keeps the log elsewhere, and knows whose it is", async () => {
    using directory = scratch();
    const walDirectory = join(directory.path, "logs/a");
    const first = await openMember(join(directory.path, "a"), { walDirectory });
    await first.close();
    expect(readdirSync(walDirectory).length).toBe(1);
    const other = { ...IDENTITY, memberId: 5n };
    const second = await openMember(join(directory.path, "b"), {
      walDirectory: join(directory.path, "logs/b"),
      newIdentity: () => other,
    });
    await second.close();
    await expect(openMember(join(directory.path, "b"), { walDirectory })).rejects.toMatchObject({
      code: "wrongIdentity",
    });
  });
});

describe("a data directory", () => {
  it("is for one process at a time", async () => {
    using directory = scratch();
    const storage = await openMember(directory.path);
    await expect(openMember(directory.path)).rejects.toThrow(
      new RegExp(`process ${process.pid} uses this data directory: .*quorate.lock; stop that process, or give another`),
    );
    // The engine's own lock decides, also where the file says nothing.
    rmSync(join(directory.path, "member/quorate.lock"));
    await expect(openMember(directory.path)).rejects.toMatchObject({ code: "locked" });
    await storage.close();
  });

  it("is taken over from a process that is gone, even if its number is in use again", async () => {
    using directory = scratch();
    await (await openMember(directory.path)).close();
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    for (const holder of [`${dead} 12345`, `${process.pid} 1`, "nonsense"]) {
      writeFileSync(join(directory.path, "member/quorate.lock"), holder);
      await (await openMember(directory.path)).close();
    }
  });

  it("of etcd is refused", async () => {
    using directory = scratch();
    mkdirSync(join(directory.path, "member/snap"), { recursive: true });
    mkdirSync(join(directory.path, "member/wal"), { recursive: true });
    writeFileSync(join(directory.path, "member/snap/db"), "bbolt");
    await expect(openMember(directory.path)).rejects.toThrow(
      /this is the data directory of an etcd member: .*member\/snap\/db; give another data directory; migrate/,
    );
    rmSync(join(directory.path, "member/snap/db"));
    writeFileSync(join(directory.path, "member/wal/0000000000000000-0000000000000000.wal"), "");
    await expect(openMember(directory.path)).rejects.toThrow(/files without Quorate's marker/);
    expect(readdirSync(join(directory.path, "member")).sort()).toEqual(["snap", "wal"]);
  });

  it("of a newer release, or with a broken marker, is refused", async () => {
    using directory = scratch();
    await (await openMember(directory.path)).close();
    const marker = join(directory.path, "member/quorate.json");
    const text = readFileSync(marker, "utf8");
    const newer = `${text.split("\n")[0]}\n`.replace('"format":1', '"format":2');
    const checksum = crc32c(0, new TextEncoder().encode(newer)).toString(16).padStart(8, "0");
    writeFileSync(marker, `${newer}crc32c ${checksum}\n`);
    await expect(openMember(directory.path)).rejects.toMatchObject({ code: "newerFormat" });
    for (const damaged of [text.slice(0, 20), text.replace('memberId":"', 'memberId":"1'), ""]) {
      writeFileSync(marker, damaged);
      await expect(openMember(directory.path)).rejects.toMatchObject({ code: "damaged", file: marker, offset: 0 });
    }
    writeFileSync(marker, text);
    await (await openMember(directory.path)).close();
  });

  it("that cannot be made or is a file is refused, naming it", async () => {
    using directory = scratch();
    const file = join(directory.path, "file");
    writeFileSync(file, "");
    await expect(openMember(file)).rejects.toThrow(/a file stands where a directory should be: .*file; give another/);
    await expect(openMember(join(file, "below"))).rejects.toThrow(
      /cannot use the data directory: .*below .*; check that/,
    );
    const failure = await openMember("/proc/quorate").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect((failure as StorageError).code).toBe("unwritable");
  });

  it("is cleaned of what interrupted work has left", async () => {
    using directory = scratch();
    await (await openMember(directory.path)).close();
    const member = join(directory.path, "member");
    const leftovers = ["wal/0000000000000001-0000000000000005.wal.tmp", "snap/tmp123", "snap/x.snap.tmp"];
    for (const name of leftovers) writeFileSync(join(member, name), "half");
    mkdirSync(join(member, "wal.tmp"));
    await (await openMember(directory.path)).close();
    for (const name of [...leftovers, "wal.tmp"]) expect(existsSync(join(member, name))).toBe(false);
  });
});
