import { EMPTY_BYTES } from "@quorate/base";
import type { Method } from "@quorate/grpc";
import {
  createLockResponse,
  createRangeRequest,
  createRequestOp,
  decodeLockRequest,
  decodeUnlockRequest,
  encodeLockResponse,
  encodeUnlockResponse,
  type LockRequest,
  type LockResponse,
} from "@quorate/protocol";
import { CallerGone } from "./recipes/caller-gone.ts";
import { Candidates, enter, enteredAt } from "./recipes/candidates.ts";
import type { InnerClient } from "./recipes/inner-client.ts";
import { RecipeRefusal, type Recipes } from "./recipes/recipes.ts";

/** `v3lockpb.Lock`: whoever wants a lock puts a key, and has it when all keys before it are gone. gRPC API page, section 12. */
export class LockService {
  readonly #recipes: Recipes;

  constructor(recipes: Recipes) {
    this.#recipes = recipes;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      Lock: this.#recipes.unary(decodeLockRequest, async (client, request) =>
        encodeLockResponse(await lock(client, request)),
      ),
      Unlock: this.#recipes.unary(decodeUnlockRequest, async (client, { key }) => {
        const { header } = await client.delete(key);
        return encodeUnlockResponse({ header });
      }),
    };
  }
}

async function lock(client: InnerClient, request: LockRequest): Promise<LockResponse> {
  const lease = await client.leaseOrNew(request.lease);
  const candidates = new Candidates(request.name);
  const key = candidates.keyOf(lease);
  const holder = createRequestOp({ requestRange: candidates.first });
  const entered = await client.txn(enter({ key, value: EMPTY_BYTES, lease }, [holder]));
  const createRevision = enteredAt(entered);
  const first = entered.responses[1]?.responseRange?.kvs[0];
  if (client.caller.isGone) {
    // A lock that the same lease has from an earlier call is not this call's to give up.
    if (entered.succeeded) await withdraw(client, key);
    throw new CallerGone();
  }
  if (first?.createRevision === createRevision) return createLockResponse({ header: entered.header, key });
  try {
    await candidates.untilFirst(client, createRevision);
    const { header, kvs } = await client.range(createRangeRequest({ key }));
    if (kvs.length > 0) return createLockResponse({ header, key });
  } catch (error) {
    await withdraw(client, key);
    throw error;
  }
  throw new RecipeRefusal("mutexSessionExpired");
}

/** Who does not wait any more must not be in others' way; if it cannot be taken out, its lease will end. */
async function withdraw(client: InnerClient, key: Uint8Array): Promise<void> {
  await client.delete(key).catch(() => {});
}
