import { equalBytes } from "@quorate/base";
import type { Method, StreamCall } from "@quorate/grpc";
import {
  type CampaignRequest,
  type CampaignResponse,
  createCampaignResponse,
  createLeaderKey,
  createLeaderResponse,
  createPutRequest,
  createRequestOp,
  decodeCampaignRequest,
  decodeLeaderRequest,
  decodeProclaimRequest,
  decodeResignRequest,
  encodeCampaignResponse,
  encodeLeaderResponse,
  encodeProclaimResponse,
  encodeResignResponse,
  type LeaderKey,
  type ResponseHeader,
} from "@quorate/protocol";
import { CallerGone } from "./recipes/caller-gone.ts";
import { Candidates, deletion, enter, enteredAt, ifCreatedAt } from "./recipes/candidates.ts";
import type { InnerClient } from "./recipes/inner-client.ts";
import { observeLeaders } from "./recipes/observation.ts";
import { RecipeRefusal, type Recipes } from "./recipes/recipes.ts";

/** `v3electionpb.Election`: the candidate whose key was created first leads, and its value is what it says. gRPC API page, section 12. */
export class ElectionService {
  readonly #recipes: Recipes;

  constructor(recipes: Recipes) {
    this.#recipes = recipes;
  }

  methods(): Readonly<Record<string, Method>> {
    const recipes = this.#recipes;
    return {
      Campaign: recipes.unary(decodeCampaignRequest, async (client, request) =>
        encodeCampaignResponse(await campaign(client, request)),
      ),
      Proclaim: recipes.unary(decodeProclaimRequest, async (client, { leader, value }) => {
        const known = await resumed(client, leader);
        return encodeProclaimResponse({ header: await proclaim(client, known, value) });
      }),
      Leader: recipes.unary(decodeLeaderRequest, async (client, { name }) => {
        const { header, kvs } = await client.range(new Candidates(name).first);
        const [kv] = kvs;
        if (kv === undefined) throw new RecipeRefusal("electionNoLeader");
        return encodeLeaderResponse(createLeaderResponse({ header, kv }));
      }),
      Observe: recipes.serverStream(decodeLeaderRequest, (client, { name }, call: StreamCall) =>
        observeLeaders(client, new Candidates(name), call),
      ),
      Resign: recipes.unary(decodeResignRequest, async (client, { leader }) => {
        const known = await resumed(client, leader);
        return encodeResignResponse({ header: await resign(client, known) });
      }),
    };
  }
}

/** What later calls of a leader are about: without a lease of its own they get one, as every session of etcd's. */
async function resumed(client: InnerClient, leader: LeaderKey | undefined): Promise<LeaderKey> {
  if (leader === undefined) throw new RecipeRefusal("electionLeaderMissing");
  return { ...leader, lease: await client.leaseOrNew(leader.lease) };
}

async function campaign(client: InnerClient, request: CampaignRequest): Promise<CampaignResponse> {
  const { name, value } = request;
  const lease = await client.leaseOrNew(request.lease);
  const candidates = new Candidates(name);
  const key = candidates.keyOf(lease);
  const entered = await client.txn(enter({ key, value, lease }, []));
  const own = createLeaderKey({ name, key, rev: enteredAt(entered), lease });
  if (client.caller.isGone) {
    // What the same lease has from an earlier call is not this call's to give up.
    if (entered.succeeded) await withdraw(client, own);
    throw new CallerGone();
  }
  const before = entered.responses[0]?.responseRange?.kvs[0];
  try {
    if (before !== undefined && !equalBytes(before.value, value)) await proclaim(client, own, value);
    await candidates.untilFirst(client, own.rev);
  } catch (error) {
    if (client.caller.isGone || error instanceof RecipeRefusal) await withdraw(client, own);
    throw error;
  }
  return createCampaignResponse({ header: entered.header, leader: own });
}

async function proclaim(
  client: InnerClient,
  { key, lease, rev }: LeaderKey,
  value: Uint8Array,
): Promise<ResponseHeader | undefined> {
  const put = createRequestOp({ requestPut: createPutRequest({ key, value, lease }) });
  const { header, succeeded } = await client.txn(ifCreatedAt(key, rev, put));
  if (!succeeded) throw new RecipeRefusal("electionNotLeader");
  return header;
}

/** Also of what is no leader (any more), which changes nothing. */
async function resign(client: InnerClient, { key, rev }: LeaderKey): Promise<ResponseHeader | undefined> {
  const { header } = await client.txn(ifCreatedAt(key, rev, deletion(key)));
  return header;
}

/** Who does not wait any more must not be in others' way; if it cannot be taken out, its lease will end. */
async function withdraw(client: InnerClient, own: LeaderKey): Promise<void> {
  await resign(client, own).catch(() => {});
}
