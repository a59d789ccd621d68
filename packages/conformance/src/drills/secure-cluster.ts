import {
  EtcdCluster,
  type EtcdClusterOptions,
  type IssuedPair,
  type NodeTls,
  type TemporaryDirectory,
  TestAuthority,
  temporaryDirectory,
} from "@quorate/testkit";
import { Shell } from "./shell.ts";

const MEMBERS = 3;

/** Certificates of one authority: of the members, for clients and each other, and of an operator. */
export interface Certificates {
  /** The authority's, PEM, and where it lies. */
  readonly caCertificate: string;
  readonly caFile: string;
  readonly operator: IssuedPair;
  readonly members: NodeTls;
}

/** Three members that demand certificates of clients and of each other, and a shell of an operator who has one. */
export class SecureCluster implements AsyncDisposable {
  readonly #files: TemporaryDirectory;
  readonly #target: readonly string[];
  readonly certificates: Certificates;
  readonly members: EtcdCluster;
  readonly shell: Shell;

  private constructor(
    files: TemporaryDirectory,
    target: readonly string[],
    certificates: Certificates,
    members: EtcdCluster,
  ) {
    this.#files = files;
    this.#target = target;
    this.certificates = certificates;
    this.members = members;
    this.shell = operatorShell(target, certificates, members);
  }

  static async start(target: readonly string[]): Promise<SecureCluster> {
    const files = temporaryDirectory("quorate-drills-");
    try {
      const authority = await TestAuthority.create(files.path);
      const member = await authority.issue("member");
      const operator = await authority.issue("operator");
      const { certFile, keyFile } = member;
      const members = { certFile, keyFile, trustedCaFile: authority.caFile, clientCertAuth: true };
      const certificates = { caCertificate: authority.certificate, caFile: authority.caFile, operator, members };
      const cluster = await EtcdCluster.start(clusterOptions(target, certificates));
      return new SecureCluster(files, target, certificates, cluster);
    } catch (error) {
      files.remove();
      throw error;
    }
  }

  /** Another cluster under the same certificates, of which nothing has started yet. */
  async prepareAnother(): Promise<EtcdCluster> {
    return await EtcdCluster.prepare(clusterOptions(this.#target, this.certificates));
  }

  /** A shell whose tools talk to another cluster. */
  shellFor(members: EtcdCluster): Shell {
    return operatorShell(this.#target, this.certificates, members);
  }

  /** The member that leads, by index, as the members tell it. */
  async leader(): Promise<number> {
    const script = `quoratectl endpoint status -w json |
      jq -r '.[] | select(.Status.leader == .Status.header.member_id) | .Endpoint'`;
    const endpoints = (await this.shell.must(script)).split("\n");
    const index = this.members.nodes.findIndex((node) => endpoints[0] === node.clientUrl);
    if (endpoints.length !== 1 || index < 0) throw new Error(`not one leader: ${endpoints.join(" ")}`);
    return index;
  }

  async close(): Promise<void> {
    await this.members.close();
    this.shell[Symbol.dispose]();
    this.#files.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function clusterOptions(target: readonly string[], { members }: Certificates): EtcdClusterOptions {
  return {
    members: Array.from({ length: MEMBERS }, () => ({ program: target })),
    clientTls: members,
    peerTls: members,
  };
}

function operatorShell(target: readonly string[], { caFile, operator }: Certificates, members: EtcdCluster): Shell {
  return new Shell(target, {
    ETCDCTL_ENDPOINTS: members.nodes.map((node) => node.clientUrl).join(","),
    ETCDCTL_CACERT: caFile,
    ETCDCTL_CERT: operator.certFile,
    ETCDCTL_KEY: operator.keyFile,
  });
}
