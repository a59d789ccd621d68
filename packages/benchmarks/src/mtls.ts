import type { ConnectionOptions } from "node:tls";
import { type IssuedPair, type TemporaryDirectory, TestAuthority, temporaryDirectory } from "@quorate/testkit";
import { openNode } from "./contestants.ts";
import { putLoad, rate } from "./loads.ts";
import type { Contestant } from "./side-by-side.ts";
import type { Workload } from "./workloads.ts";

/** A server that asks for client certificates, and what to show to it. */
export interface MtlsTarget {
  readonly port: number;
  readonly tls: ConnectionOptions;
}

/** An authority, a server's certificate and a client's, for as long as servers run on them. */
export class MtlsCertificates implements AsyncDisposable {
  readonly #directory: TemporaryDirectory;
  readonly #authority: TestAuthority;
  readonly #server: IssuedPair;
  readonly #client: IssuedPair;

  private constructor(directory: TemporaryDirectory, authority: TestAuthority, server: IssuedPair, client: IssuedPair) {
    this.#directory = directory;
    this.#authority = authority;
    this.#server = server;
    this.#client = client;
  }

  static async create(): Promise<MtlsCertificates> {
    const directory = temporaryDirectory("quorate-mtls-");
    const authority = await TestAuthority.create(directory.path);
    const [server, client] = [await authority.issue("server"), await authority.issue("client")];
    return new MtlsCertificates(directory, authority, server, client);
  }

  /** One server; loads go to its client port under TLS, with the client's certificate. */
  async openNode(program: readonly string[]): Promise<Contestant<MtlsTarget>> {
    const { certFile, keyFile } = this.#server;
    const clientTls = { certFile, keyFile, trustedCaFile: this.#authority.caFile, clientCertAuth: true };
    const node = await openNode(program, { clientTls });
    const tls = { ca: this.#authority.certificate, cert: this.#client.certificate, key: this.#client.key };
    return {
      target: async () => ({ port: await node.target(), tls }),
      cpuSeconds: () => node.cpuSeconds(),
      restart: () => node.restart(),
      [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#directory.remove();
    return Promise.resolve();
  }
}

/** The workloads under mutual TLS, in the order in which they are reported. */
export const MTLS_WORKLOADS: readonly Workload<MtlsTarget>[] = [
  {
    name: "put-mtls-10x50",
    title: "put, 64-byte values, client certificates, 10 x 50",
    bar: { ratio: 2, side: "atLeast" },
    reads: false,
    run: ({ port, tls }) => rate({ ...putLoad(port, { connections: 10, streams: 50 }, 60_000), tls }),
  },
  {
    name: "put-mtls-100x1",
    title: "the same, 100 x 1",
    bar: undefined,
    reads: false,
    run: ({ port, tls }) => rate({ ...putLoad(port, { connections: 100, streams: 1 }, 30_000), tls }),
  },
];
