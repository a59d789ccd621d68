import { execFile } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { requirePeer } from "@quorate/testkit";
import { apiServerSuite, TestApiServer } from "../kube/test-api-server.ts";
import { hasHelm, OLDEST, type Rendered, render, SHAPES } from "./render.ts";

// What the chart makes, as a real API server takes it: fields that it does not know and values that it refuses are found here.

apiServerSuite("the operator's chart and a kube-apiserver", () => {
  let server: TestApiServer;

  beforeAll(async () => {
    server = await TestApiServer.start();
    await kubectl(["create", "namespace", "operators"]);
  }, 180_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  }, 60_000);

  function kubectl(args: readonly string[], input = ""): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        requirePeer("kubectl"),
        [...server.plane.kubectlArguments, ...args],
        { maxBuffer: 64 << 20, timeout: 120_000 },
        (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr))),
      );
      child.stdin?.end(input);
    });
  }

  const shapes = hasHelm ? SHAPES : [];
  it.each(shapes)(
    "takes every object of the shape %s",
    async (_name, file) => {
      const objects = (await render("-f", file, ...OLDEST)).filter(
        ({ apiVersion }) => !apiVersion.startsWith("monitoring."),
      );
      const created = objects.map(
        (object): Rendered => ({
          ...object,
          metadata: {
            ...object.metadata,
            // Objects of no namespace of their own go where the release is.
            ...(object.kind === "ConfigMap" && object.metadata.namespace === undefined
              ? { namespace: "operators" }
              : {}),
          },
        }),
      );
      const list = { apiVersion: "v1", kind: "List", items: created };

      const output = await kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(list));

      expect(output.trim().split("\n")).toHaveLength(objects.length);
      for (const line of output.trim().split("\n")) expect(line).toContain("created (server dry run)");
    },
    120_000,
  );

  it("has every field of what it is sent: nothing is dropped in silence", async () => {
    const [deployment] = (await render(...OLDEST)).filter(({ kind }) => kind === "Deployment");
    const answer = await kubectl(["create", "--dry-run=server", "-o", "json", "-f", "-"], JSON.stringify(deployment));

    expect(JSON.parse(answer)).toMatchObject(JSON.parse(JSON.stringify(deployment)));
  }, 60_000);
});
