import { describe, expect, it } from "@jest/globals";
import { healthServices, ServingStatus, Status } from "../src/index.ts";
import { GrpcClient } from "./support/grpc-client.ts";
import { until } from "./support/raw-client.ts";
import { startServer } from "./support/test-server.ts";

const ask = (service: string): Buffer => Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);

describe("the health service", () => {
  it("checks, lists and watches", async () => {
    const health = healthServices({ "": ServingStatus.SERVING, db: ServingStatus.UNKNOWN });
    const test = await startServer({ services: health.services });
    const client = new GrpcClient(test.port);
    const check = async (message: Uint8Array): Promise<unknown> => {
      const { code, details, message: answer } = await client.unary("/grpc.health.v1.Health/Check", message);
      return code === Status.OK ? [...(answer as Buffer)] : [code, details];
    };
    expect(await check(Buffer.alloc(0))).toEqual([8, 1]);
    expect(await check(ask(""))).toEqual([8, 1]);
    expect(await check(ask("db"))).toEqual([]);
    expect(await check(ask("other"))).toEqual([Status.NOT_FOUND, "unknown service"]);
    // Unknown fields of every wire type are skipped.
    const extra = [0x10, 0x96, 0x01, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2a, 1, 9];
    expect(await check(Buffer.concat([Buffer.from(extra), ask("db")]))).toEqual([]);
    for (const bad of [[0x0a], [0x0a, 5, 1], [0x0b], [0x80], [0x00, 1], [0x0a, 1, 0xff], [0x15, 1]])
      expect(await check(Buffer.from(bad))).toEqual([Status.INTERNAL, expect.stringContaining("malformed")]);

    const list = await client.unary("/grpc.health.v1.Health/List");
    expect([...(list.message as Buffer)]).toEqual([
      0x0a, 6, 0x0a, 0, 0x12, 2, 8, 1, 0x0a, 6, 0x0a, 2, 100, 98, 0x12, 0,
    ]);

    const seen: number[][] = [];
    const watch = client.serverStream("/grpc.health.v1.Health/Watch", ask("new"));
    watch.on("data", (m: Buffer) => seen.push([...m]));
    watch.on("error", () => undefined);
    await until(() => seen.length === 1);
    health.setStatus("new", ServingStatus.SERVING);
    health.setStatus("new", ServingStatus.SERVING);
    await until(() => seen.length === 2);
    health.shutdown();
    await until(() => seen.length === 3);
    expect(seen).toEqual([
      [8, 3],
      [8, 1],
      [8, 2],
    ]);
    watch.cancel();
    await until(() => test.observed.ended.at(-1)?.[1] === Status.CANCELLED);
    health.setStatus("new", ServingStatus.SERVING);
    client.close();
    await test.server.close();
  });
});
