import { clientNetwork } from "../../client-network.ts";
import type { GatewayCall } from "./gateway-call.ts";

export interface OpenRequest {
  readonly call: GatewayCall;
}

/** The requests that are under way, and how many of them are whose. */
export class OpenRequests {
  readonly #requests = new Set<OpenRequest>();
  readonly #byClient = new Map<string, number>();

  get size(): number {
    return this.#requests.size;
  }

  /** Those of the client with this address. */
  of(remoteAddress: string): number {
    return this.#byClient.get(clientNetwork(remoteAddress)) ?? 0;
  }

  add(request: OpenRequest): void {
    if (this.#requests.has(request)) return;
    this.#requests.add(request);
    this.#count(request, 1);
  }

  delete(request: OpenRequest): void {
    if (this.#requests.delete(request)) this.#count(request, -1);
  }

  [Symbol.iterator](): IterableIterator<OpenRequest> {
    return this.#requests.values();
  }

  #count({ call }: OpenRequest, change: number): void {
    const client = clientNetwork(call.peer.remoteAddress);
    const count = (this.#byClient.get(client) ?? 0) + change;
    if (count > 0) this.#byClient.set(client, count);
    else this.#byClient.delete(client);
  }
}
