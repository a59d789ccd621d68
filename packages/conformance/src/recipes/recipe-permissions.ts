import { EtcdNode, waitUntil } from "@quorate/testkit";
import { type CallMetadata, EtcdApi, type Message, type Outcome } from "../etcd-api.ts";

/** What one request came to. */
export interface RecipeAnswer {
  readonly request: string;
  readonly answer: string;
}

const END_MS = 10_000;
const PASSWORD = "secret";

/**
 * Locks and elections while users count: what somebody may do who may read and write below `mine/` alone, somebody who has not logged
 * in, and root.
 */
export async function recipePermissions(program: readonly string[]): Promise<readonly RecipeAnswer[]> {
  await using node = await EtcdNode.start({ program, medium: "memory" });
  using api = new EtcdApi(node.endpoint);
  await api.must("Lease/LeaseGrant", { ID: "1", TTL: "600" });
  await enableUsers(api);
  const answers: RecipeAnswer[] = [];
  const callers = [
    ["alice", await login(api, "alice")],
    ["nobody", undefined],
    ["a stranger", "no.token"],
    ["root", await login(api, "root")],
  ] as const;
  for (const [caller, token] of callers) {
    for (const [title, method, request] of requests()) {
      const outcome = await api.begin(method, request, END_MS, metadataOf(token)).outcome;
      answers.push({ request: `${caller}: ${title}`, answer: told(outcome) });
    }
    for (const name of ["mine", "others"]) {
      answers.push({ request: `${caller}: observe ${name}`, answer: await observation(api, name, token) });
    }
  }
  return answers;
}

/** What a client sends along once it has logged in. */
function metadataOf(token: string | undefined): CallMetadata {
  return token === undefined ? {} : { token };
}

function requests(): readonly (readonly [title: string, method: string, request: Message])[] {
  return ["mine", "others"].flatMap((text) => {
    const [name, key] = [Buffer.from(text), Buffer.from(`${text}/1`)];
    const leader = { name, key, rev: "3", lease: "1" };
    return [
      [`lock ${text}`, "v3lockpb.Lock/Lock", { name, lease: "1" }],
      [`unlock ${text}`, "v3lockpb.Lock/Unlock", { key }],
      [`campaign for ${text}`, "v3electionpb.Election/Campaign", { name, lease: "1", value: Buffer.from("v") }],
      [`leader of ${text}`, "v3electionpb.Election/Leader", { name }],
      [`proclaim for ${text}`, "v3electionpb.Election/Proclaim", { leader, value: Buffer.from("w") }],
      [`resign from ${text}`, "v3electionpb.Election/Resign", { leader }],
    ] as const;
  });
}

async function enableUsers(api: EtcdApi): Promise<void> {
  for (const name of ["root", "alice"]) {
    await api.must("Auth/UserAdd", { name, password: PASSWORD });
    await api.must("Auth/RoleAdd", { name: name === "root" ? "root" : "own" });
    await api.must("Auth/UserGrantRole", { user: name, role: name === "root" ? "root" : "own" });
  }
  const perm = { permType: "READWRITE", key: Buffer.from("mine/"), range_end: Buffer.from("mine0") };
  await api.must("Auth/RoleGrantPermission", { name: "own", perm });
  await api.must("Auth/AuthEnable", {});
}

async function login(api: EtcdApi, name: string): Promise<string> {
  return String((await api.must("Auth/Authenticate", { name, password: PASSWORD }))["token"]);
}

/** The first word, or how the stream ended without one. */
async function observation(api: EtcdApi, name: string, token: string | undefined): Promise<string> {
  const stream = api.serverStream("v3electionpb.Election/Observe", { name: Buffer.from(name) }, metadataOf(token));
  let seen: string | undefined;
  stream.on("data", ({ kv }: Message) => (seen ??= `key ${String((kv as Record<string, Buffer>)["key"])}`));
  stream.on("error", (error: Error & { readonly code?: number }) => (seen ??= `${error.code} ${error.message}`));
  stream.on("end", () => (seen ??= "ended"));
  await waitUntil(() => seen !== undefined, { what: `a word on ${name}`, timeoutMs: END_MS });
  stream.cancel();
  return seen ?? "";
}

function told(outcome: Outcome): string {
  return outcome.ok ? "OK" : `${outcome.code} ${outcome.message}`;
}
