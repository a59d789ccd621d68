import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { ChildServer, freePorts, LeakCheck, SeededChoice, temporaryDirectory, waitUntil } from "../src/index.ts";

const SERVER = "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000); console.log('ready now')";

describe("ChildServer", () => {
  it("waits for the ready line, stops by signal and reports how the process ended", async () => {
    using directory = temporaryDirectory("quorate-testkit-");
    const options = {
      command: [process.execPath, "-e", SERVER],
      logFile: join(directory.path, "log"),
      ready: /ready now/,
    };

    const first = await ChildServer.start(options);
    const stopped = await first.terminate();
    const second = await ChildServer.start(options);
    const killed = await second.kill();

    expect(stopped).toEqual({ code: 3, signal: null });
    expect(killed).toEqual({ code: null, signal: "SIGKILL" });
    expect(second.log()).toBe("ready now\n");
  });

  it("names the program and shows its output when it ends before it is ready", async () => {
    using directory = temporaryDirectory("quorate-testkit-");

    const start = ChildServer.start({
      command: [process.execPath, "-e", "console.error('no port'); process.exit(1)"],
      logFile: join(directory.path, "log"),
      ready: /never/,
    });

    await expect(start).rejects.toThrow(/ended \(code 1\):\nno port/);
  });
});

describe("waitUntil", () => {
  it("rejects with what it waited for when time is up", async () => {
    await expect(waitUntil(() => false, { what: "rain", timeoutMs: 20 })).rejects.toThrow(
      "waited 20 ms in vain for rain",
    );
  });
});

describe("temporaryDirectory", () => {
  it("is removed with its content at the end of the block", () => {
    let path = "";
    {
      using directory = temporaryDirectory("quorate-testkit-", "memory");
      path = directory.path;
      expect(existsSync(path)).toBe(true);
    }
    expect(existsSync(path)).toBe(false);
  });
});

describe("freePorts", () => {
  it("gives different ports", async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
  });
});

describe("LeakCheck", () => {
  it("names a timer that is still running and nothing once it is cleared", () => {
    const check = new LeakCheck();
    const timer = setInterval(() => undefined, 1000);

    const during = check.check();
    clearInterval(timer);

    expect(during.join()).toMatch(/^Timeout: \d+ before, \d+ now$/);
    expect(check.check()).toEqual([]);
  });
});

describe("SeededChoice", () => {
  it("repeats itself for the same seed and honours weights of zero", () => {
    const draw = (seed: number): string[] => {
      const choice = new SeededChoice(seed);
      return Array.from({ length: 50 }, () => choice.weighted({ a: 3, b: 0, c: 1 }));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7)).not.toContain("b");
  });
});
