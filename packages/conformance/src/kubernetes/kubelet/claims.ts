import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ObjectCache } from "../object-cache.ts";
import type { RestClient } from "../rest-client.ts";
import type { ObjectMeta } from "./pod.ts";

/** Told as the provisioner of the two storage classes. */
const PROVISIONER = "folders.test";

interface Claim {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly accessModes?: readonly string[];
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
}

interface PersistentVolume {
  readonly metadata: Omit<ObjectMeta, "namespace">;
  readonly spec: {
    readonly persistentVolumeReclaimPolicy?: string;
    readonly capacity?: { readonly storage?: string };
    readonly storageClassName?: string;
  };
  readonly status?: { readonly phase?: string };
}

/**
 * The storage of the test cluster: classes `standard` (default, grows) and `fixed` (does not), one folder a volume. Makes
 * a volume for each claim, lets it grow with the claim, and removes it with its folder once the claim is gone; the claims
 * themselves are bound and protected by the real controllers.
 */
export class ClaimProvisioner {
  readonly #rest: RestClient;
  readonly #directory: string;
  readonly #claims: ObjectCache<Claim>;
  readonly #volumes: ObjectCache<PersistentVolume>;
  readonly #busy = new Set<string>();

  constructor(rest: RestClient, directory: string) {
    this.#rest = rest;
    this.#directory = join(directory, "claims");
    this.#claims = new ObjectCache(rest, "/api/v1/persistentvolumeclaims");
    this.#volumes = new ObjectCache(rest, "/api/v1/persistentvolumes");
  }

  async start(changed: () => void): Promise<void> {
    mkdirSync(this.#directory, { recursive: true });
    for (const [name, grows] of [
      ["standard", true],
      ["fixed", false],
    ] as const) {
      await this.#rest.call("POST", "/apis/storage.k8s.io/v1/storageclasses", storageClass(name, grows));
    }
    this.#claims.onChange(({ type, object }) => {
      if (type !== "DELETED") this.#once(`claim ${object.metadata.uid}`, () => this.#provide(object));
      changed();
    });
    this.#volumes.onChange(({ type, object }) => {
      if (type !== "DELETED") this.#once(`volume ${object.metadata.name}`, () => this.#reclaim(object));
    });
    await Promise.all([this.#claims.start(), this.#volumes.start()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#claims.close(), this.#volumes.close()]);
  }

  /** The folder of a bound claim; undefined while there is none. */
  folder(namespace: string, claimName: string): string | undefined {
    const claim = this.#claims.get(`${namespace}/${claimName}`);
    const { volumeName } = claim?.spec ?? {};
    if (claim?.status?.phase !== "Bound" || volumeName === undefined || volumeName === "") return undefined;
    return this.#folderOf(volumeName);
  }

  /** Empties the folder of a claim, as a disk that was lost and replaced would be. Throws when it is not bound. */
  loseData(namespace: string, claimName: string): void {
    const folder = this.folder(namespace, claimName);
    if (folder === undefined) throw new Error(`claim ${namespace}/${claimName} is not bound`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }

  async #provide(claim: Claim): Promise<void> {
    const { storageClassName = "", volumeName = "" } = claim.spec;
    if (storageClassName !== "standard" && storageClassName !== "fixed") return;
    if (claim.metadata.deletionTimestamp !== undefined) return;
    if (volumeName === "") await this.#create(claim, storageClassName);
    else await this.#grow(claim, volumeName);
  }

  async #create(claim: Claim, storageClassName: string): Promise<void> {
    const { namespace, name, uid } = claim.metadata;
    const volume = `pvc-${uid}`;
    mkdirSync(this.#folderOf(volume), { recursive: true });
    await this.#rest.call("POST", "/api/v1/persistentvolumes", {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: volume, annotations: { "pv.kubernetes.io/provisioned-by": PROVISIONER } },
      spec: {
        accessModes: claim.spec.accessModes,
        capacity: { storage: claim.spec.resources?.requests?.storage },
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
        csi: { driver: PROVISIONER, volumeHandle: volume },
        persistentVolumeReclaimPolicy: "Delete",
        storageClassName,
      },
    });
  }

  async #grow(claim: Claim, volumeName: string): Promise<void> {
    const wanted = claim.spec.resources?.requests?.storage;
    const has = claim.status?.capacity?.storage;
    if (claim.status?.phase !== "Bound" || wanted === undefined || has === undefined || wanted === has) return;
    await this.#rest.patch(`/api/v1/persistentvolumes/${volumeName}`, { spec: { capacity: { storage: wanted } } });
    const path = `/api/v1/namespaces/${claim.metadata.namespace}/persistentvolumeclaims/${claim.metadata.name}/status`;
    await this.#rest.patch(path, { status: { capacity: { storage: wanted } } });
  }

  async #reclaim(volume: PersistentVolume): Promise<void> {
    const isOurs = volume.metadata.annotations?.["pv.kubernetes.io/provisioned-by"] === PROVISIONER;
    const isOver = volume.status?.phase === "Released" && volume.spec.persistentVolumeReclaimPolicy === "Delete";
    if (!isOurs || !isOver || volume.metadata.deletionTimestamp !== undefined) return;
    await this.#rest.call("DELETE", `/api/v1/persistentvolumes/${volume.metadata.name}`);
    rmSync(this.#folderOf(volume.metadata.name), { recursive: true, force: true });
  }

  /** One piece of work a key at a time. What fails because the API server is away comes again with the next list. */
  #once(key: string, work: () => Promise<void>): void {
    if (this.#busy.has(key)) return;
    this.#busy.add(key);
    void work()
      .catch(() => undefined)
      .finally(() => this.#busy.delete(key));
  }

  #folderOf(volume: string): string {
    return join(this.#directory, volume);
  }
}

function storageClass(name: string, grows: boolean): object {
  const annotations = name === "standard" ? { "storageclass.kubernetes.io/is-default-class": "true" } : {};
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name, annotations },
    provisioner: PROVISIONER,
    reclaimPolicy: "Delete",
    volumeBindingMode: "Immediate",
    allowVolumeExpansion: grows,
  };
}
