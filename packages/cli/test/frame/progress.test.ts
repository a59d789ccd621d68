import { describe, expect, it } from "@jest/globals";
import { waitUntil } from "@quorate/testkit";
import type { Output } from "../../src/frame/output.ts";
import { Progress } from "../../src/frame/progress.ts";

function terminal(columns: number | undefined): Output & { readonly written: string[] } {
  const written: string[] = [];
  return {
    written,
    write: (data) => {
      written.push(String(data));
    },
    drained: async () => {},
    isTerminal: columns !== undefined,
    columns,
    descriptor: undefined,
  };
}

describe("progress", () => {
  it("is one line that is written over, and gone at the end", () => {
    const output = terminal(80);
    const progress = new Progress(output, (done, total) => `${done} of ${total ?? "?"}`);
    progress.update(1, 4);
    progress.update(2, 4);
    progress.end();
    const line = `[========                      ]  25% 1 of 4`;
    // The second update comes too soon to be drawn.
    expect(output.written).toEqual([`\r${line}`, `\r${" ".repeat(line.length)}`, "\r"]);
  });

  it("is drawn again for as long as work goes on that does not tell how far it is", async () => {
    const output = terminal(80);
    let drawn = 0;
    const progress = new Progress(output, () => `drawn ${++drawn}`);
    let finish = (): void => {};
    const work = new Promise<string>((resolve) => {
      finish = () => resolve("done");
    });
    const running = progress.during(work, 1, 2);
    await waitUntil(() => output.written.length >= 2, { what: "a second line", timeoutMs: 5_000 });
    finish();
    expect(await running).toBe("done");
    expect(output.written[0]).toBe(`\r[${"=".repeat(15)}${" ".repeat(15)}]  50% drawn 1`);
    expect(output.written[1]).toContain("drawn 2");
    expect(output.written.at(-1)).toBe("\r");
  });

  it("fits the terminal and has no bar while the total is not known", () => {
    const output = terminal(10);
    new Progress(output, (done) => `${done} bytes and more`).update(5, undefined);
    expect(output.written).toEqual(["\r5 bytes a"]);
  });

  it("is silent where nobody looks on", () => {
    const output = terminal(undefined);
    const progress = new Progress(output, () => "text");
    progress.update(1, 2);
    progress.end();
    expect(output.written).toEqual([]);
  });
});
