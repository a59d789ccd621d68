import { describe, expect, it } from "@jest/globals";
import { QueuedSink } from "../../src/node/log/log-sink.ts";
import { FakeOutput } from "./fake-output.ts";

function sinkOn(output: FakeOutput, queueCharsMax = 100): QueuedSink {
  return new QueuedSink(output, { queueCharsMax, droppedLine: (count) => `dropped ${count}\n`, retryMs: 1 });
}

describe("QueuedSink", () => {
  it("keeps one write under way and sends what came meanwhile in the next", () => {
    const output = new FakeOutput();
    const sink = sinkOn(output);

    for (const line of ["a\n", "b\n", "c\n"]) sink.write(line);
    output.take();
    expect(output.text).toBe("a\n");
    output.take();

    expect(output.text).toBe("a\nb\nc\n");
    expect(output.busy).toBe(false);
  });

  it("goes on after a part was written", () => {
    const output = new FakeOutput();
    const sink = sinkOn(output);

    sink.write("abcdef\n");
    output.take(3);
    output.take();

    expect(output.text).toBe("abcdef\n");
  });

  it("drops and counts lines beyond its bound, and says so once there is room", () => {
    const output = new FakeOutput();
    const sink = sinkOn(output, 10);

    for (let i = 0; i < 20; i++) sink.write(`${i % 10}\n`);
    expect(sink.droppedLines).toBe(14);
    output.take();
    output.take();
    sink.write("z\n");
    output.take();
    output.take();

    expect(output.text).toBe("0\n1\n2\n3\n4\n5\ndropped 14\nz\n");
  });

  it("tries again when the output was full", async () => {
    const output = new FakeOutput();
    const sink = sinkOn(output);

    sink.write("a\n");
    output.fail("EAGAIN");
    const closed = sink.close(1000);
    const keepAlive = setInterval(() => {
      if (output.busy) output.take();
    }, 1);
    await closed;
    clearInterval(keepAlive);

    expect(output.text).toBe("a\n");
    expect(output.closed).toBe(true);
  });

  it("loses everything, counted, once the reader is gone", () => {
    const output = new FakeOutput();
    const sink = sinkOn(output);

    sink.write("a\n");
    sink.write("b\n");
    output.fail("EPIPE");
    sink.write("c\n");

    expect(sink.droppedLines).toBe(3);
    expect(output.busy).toBe(false);
  });

  it("goes on after a full disk", () => {
    const output = new FakeOutput();
    const sink = sinkOn(output);

    sink.write("a\n");
    output.fail("ENOSPC");
    output.take();
    sink.write("b\n");
    output.take();

    expect(output.text).toBe("dropped 1\nb\n");
  });

  it("writes the rest at once when it must", () => {
    const output = new FakeOutput();
    const sink = sinkOn(output);
    output.takesNow = 2;

    sink.write("under way\n");
    sink.write("b\n");
    sink.write("c\n");
    sink.flushNow(100);

    expect(output.text).toBe("\nb\nc\n");
  });

  it("gives up on an output that stays full, within the time", async () => {
    const output = new FakeOutput();
    const sink = sinkOn(output);
    output.takesNow = 0;
    sink.write("a\n");
    sink.write("b\n");

    sink.flushNow(5);
    await sink.close(5);
    sink.write("late\n");

    expect(output.text).toBe("");
    expect(output.closed).toBe(true);
    expect(sink.droppedLines).toBe(2);
  });
});
