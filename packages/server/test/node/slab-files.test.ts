import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { FileSystem } from "@quorate/base";
import { NODE_FILE_SYSTEM } from "@quorate/storage";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { SlabFiles } from "../../src/node/slab-files.ts";

const MIB = 1024 * 1024;

describe("files of slabs", () => {
  let directory: TemporaryDirectory;

  beforeEach(() => {
    directory = temporaryDirectory("quorate-slabs-", "memory");
  });
  afterEach(() => directory.remove());

  function openFiles(): number {
    return readdirSync("/proc/self/fd").length;
  }

  it("give back what they were given, have no name, and go when nothing in them is needed", () => {
    const before = openFiles();
    const slabs = new SlabFiles(NODE_FILE_SYSTEM, join(directory.path, "tmp-log"));
    const handles = Array.from({ length: 130 }, (_, i) => slabs.put(new Uint8Array(MIB - i).fill(i)) ?? -1);
    expect(readdirSync(directory.path)).toEqual([]);
    expect(openFiles() - before).toBe(3);
    for (const i of [129, 0, 64, 63]) {
      const slab = slabs.get(handles[i] as number);
      expect([slab.length, slab[0], slab.at(-1)]).toEqual([MIB - i, i, i]);
    }
    for (const handle of handles.slice(0, 64)) slabs.drop(handle);
    expect(openFiles() - before).toBe(2);
    expect(() => slabs.get(handles[0] as number)).toThrow("no such slab");
    for (const handle of handles.slice(64)) slabs.drop(handle);
    expect(openFiles()).toBe(before);
    const again = slabs.put(new Uint8Array(10).fill(7));
    expect(slabs.get(again as number)).toEqual(new Uint8Array(10).fill(7));
    slabs.close();
    expect(openFiles()).toBe(before);
    expect(slabs.put(new Uint8Array(1))).toBeUndefined();
  });

  it("take nothing where the disk is full, and go on when it is not", () => {
    let isFull = true;
    const fs = Object.create(NODE_FILE_SYSTEM) as FileSystem;
    fs.open = (path, mode, permissions) => {
      const file = NODE_FILE_SYSTEM.open(path, mode, permissions);
      const failing = Object.create(file) as typeof file;
      failing.write = (bytes, offset, length, position) => {
        if (isFull && position >= 1000) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        return file.write(bytes, offset, Math.min(length, 700), position);
      };
      failing.read = (...args) => file.read(...args);
      failing.close = () => file.close();
      return failing;
    };
    const slabs = new SlabFiles(fs, join(directory.path, "tmp-log"));
    const first = slabs.put(new Uint8Array(900).fill(1));
    expect(slabs.put(new Uint8Array(900).fill(2))).toBeUndefined();
    isFull = false;
    const second = slabs.put(new Uint8Array(900).fill(3));
    expect(slabs.get(first as number)).toEqual(new Uint8Array(900).fill(1));
    expect(slabs.get(second as number)).toEqual(new Uint8Array(900).fill(3));
    slabs.close();
  });
});
