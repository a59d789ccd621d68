// The operator as it is, but for the members that it asks: node operator-process.mjs KUBECONFIG PORT
import { parseRunConfig } from "../dist/node/config/index.js";
import { kubeconfigConnection } from "../dist/node/kube/index.js";
import { JsonLogger } from "../dist/node/log/json-logger.js";
import { createControllers } from "../dist/node/program/controllers.js";
import { Operator } from "../dist/node/program/operator.js";
import { NODE_TIMERS } from "../dist/node/runtime/index.js";
import { FakeEtcd } from "./fake-etcd.mjs";

const [kubeconfig, port] = process.argv.slice(2);
const flags = ["--operator-image=quorate-operator:1", `--listen=127.0.0.1:${port}`, "--log-level=warn"];
const { config } = parseRunConfig(flags, {});
const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const operator = new Operator({
  config,
  connection: await kubeconfigConnection(kubeconfig, undefined),
  clusterDomain: "cluster.local",
  version: "bench",
  hostName: "bench",
  clock,
  timers: NODE_TIMERS,
  log: new JsonLogger({
    level: config.logLevel,
    write: (line) => void process.stderr.write(line),
    wallMs: () => Date.now(),
  }),
  etcd: new FakeEtcd(),
  // There is nothing to be looked at either.
  createControllers: (deps) => createControllers(deps, { look: async () => undefined }),
});
await operator.run(stop.signal);
process.exit(0);
