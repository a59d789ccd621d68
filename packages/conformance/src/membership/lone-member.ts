import { EtcdApi, type Message, type Outcome } from "../etcd-api.ts";

/** What a call came to, without what differs between two runs: IDs are told by their order of appearance. */
export interface LoneStep {
  readonly step: string;
  readonly outcome: unknown;
}

interface ListedMember {
  readonly ID: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
}

/**
 * Changes of the membership that one member alone answers, refusals and successes, in an order in which each sees the effects of
 * those before. The last addition takes the quorum away: end the member afterwards. `peerUrl` is the member's own.
 */
export async function loneMembership(endpoint: string, peerUrl: string): Promise<readonly LoneStep[]> {
  const api = new EtcdApi(endpoint);
  const steps: LoneStep[] = [];
  const names = new Map<string, string>();
  const run = async (step: string, method: string, request: Message): Promise<Message> => {
    const outcome = await api.call(`Cluster/${method}`, request);
    steps.push({ step, outcome: withoutIds(outcome, names, peerUrl) });
    return outcome.ok ? outcome.response : {};
  };
  try {
    await api.ready();
    await script(run);
  } finally {
    api.close();
  }
  return steps;
}

type Run = (step: string, method: string, request: Message) => Promise<Message>;

async function script(run: Run): Promise<void> {
  const self = membersOf(await run("list", "MemberList", {}))[0] ?? { ID: "0", name: "", peerURLs: [] };
  await refusedUrls(run);
  const ids: readonly (readonly [string, string])[] = [
    ["itself", self.ID],
    ["nobody", "12345"],
    ["member 0", "0"],
  ];
  for (const [who, ID] of ids) await run(`remove ${who}`, "MemberRemove", { ID });
  for (const [who, ID] of ids) await run(`promote ${who}`, "MemberPromote", { ID });
  await run("update nobody", "MemberUpdate", { ID: "12345", peerURLs: ["http://127.0.0.1:1"] });
  await run("update to the same", "MemberUpdate", { ID: self.ID, peerURLs: self.peerURLs });
  await run("add itself", "MemberAdd", { peerURLs: self.peerURLs });
  await learners(run, self);
  await run("list linearizably", "MemberList", { linearizable: true });
  await withoutQuorum(run, self);
}

async function refusedUrls(run: Run): Promise<void> {
  const lists = [
    [],
    [""],
    ["no url"],
    ["127.0.0.1:1"],
    ["http://127.0.0.1"],
    ["http://127.0.0.1:1/"],
    ["http://127.0.0.1:1/path"],
    ["ftp://127.0.0.1:1"],
    ["http://127.0.0.1:1,http://127.0.0.1:2"],
    ["http://127.0.0.1:1", "bad"],
  ];
  for (const peerURLs of lists) await run(`add ${JSON.stringify(peerURLs)}`, "MemberAdd", { peerURLs });
}

async function learners(run: Run, self: ListedMember): Promise<void> {
  const urls = ["http://127.0.0.1:3", " http://127.0.0.1:2"];
  const added = await run("add a learner", "MemberAdd", { peerURLs: urls, isLearner: true });
  const learner = (added["member"] as ListedMember | undefined)?.ID ?? "0";
  await run("add a second learner", "MemberAdd", { peerURLs: ["http://127.0.0.1:4"], isLearner: true });
  await run("add a voter at the learner's URL", "MemberAdd", { peerURLs: ["http://127.0.0.1:2"] });
  await run("promote it", "MemberPromote", { ID: learner });
  await run("update it to another's", "MemberUpdate", { ID: learner, peerURLs: self.peerURLs });
  await run("update it", "MemberUpdate", { ID: learner, peerURLs: ["http://127.0.0.1:9", "http://127.0.0.1:5"] });
  await run("remove itself beside the learner", "MemberRemove", { ID: self.ID });
  await run("remove it", "MemberRemove", { ID: learner });
  await run("remove it again", "MemberRemove", { ID: learner });
  await run("promote it when it is gone", "MemberPromote", { ID: learner });
  await run("update it when it is gone", "MemberUpdate", { ID: learner, peerURLs: ["http://127.0.0.1:6"] });
}

async function withoutQuorum(run: Run, self: ListedMember): Promise<void> {
  await run("add a voter", "MemberAdd", { peerURLs: ["http://127.0.0.1:7"] });
  await run("add one more", "MemberAdd", { peerURLs: ["http://127.0.0.1:8"] });
  await run("add a learner to them", "MemberAdd", { peerURLs: ["http://127.0.0.1:8"], isLearner: true });
  await run("remove the only one that runs", "MemberRemove", { ID: self.ID });
  await run("list what is left", "MemberList", {});
}

function membersOf(response: Message): readonly ListedMember[] {
  return (response["members"] as readonly ListedMember[] | undefined) ?? [];
}

/** The outcome with IDs as names, members in the order of their URLs, and the member's own addresses left out. */
function withoutIds(outcome: Outcome, names: Map<string, string>, peerUrl: string): unknown {
  if (!outcome.ok) return outcome;
  const name = (id: string): string => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const next = `member ${names.size + 1}`;
    names.set(id, next);
    return next;
  };
  const show = (member: Message): Message => ({
    ...member,
    ID: name(String(member["ID"])),
    peerURLs: (member["peerURLs"] as readonly string[]).map((url) => (url === peerUrl ? "own" : url)),
    clientURLs: (member["clientURLs"] as readonly string[]).length,
  });
  const { header, member, members } = outcome.response as Readonly<Record<string, Message>>;
  const list = ((members ?? []) as unknown as readonly Message[]).map(show);
  return {
    revision: header?.["revision"],
    ...(member === undefined ? {} : { member: show(member) }),
    members: list.sort((a, b) => String(a["peerURLs"]).localeCompare(String(b["peerURLs"]))),
  };
}
