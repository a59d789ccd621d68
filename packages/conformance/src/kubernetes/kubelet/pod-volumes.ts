import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { KeyedSources } from "./container-command.ts";
import { type Payload, writePayload } from "./payload-files.ts";
import type {
  ConfigMapSource,
  DownwardSource,
  KeyedData,
  KeyToPath,
  Pod,
  SecretSource,
  TokenSource,
  Volume,
} from "./pod.ts";
import { type PodAddress, podField, resourceField } from "./pod-fields.ts";

/** What volumes are made of. */
export interface VolumeSources extends KeyedSources {
  /** Folder of a bound claim; undefined while it is not bound. */
  claimFolder(namespace: string, claimName: string): string | undefined;
  /** A token for the Pod's service account. */
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
}

/** A volume cannot be made yet; the kubelet tries again. */
export class VolumeNotReady extends Error {
  override readonly name = "VolumeNotReady";
}

type Entries = Map<string, { readonly content: Buffer; readonly mode: number }>;

const TOKEN_SECONDS = 3600;

/** The folders behind a Pod's volumes. Contents of the API's objects are brought up to date by `refresh`. */
export class PodVolumes {
  readonly #directory: string;
  readonly #sources: VolumeSources;
  readonly #address: PodAddress;
  readonly #tokens = new Map<string, { readonly token: string; readonly renewAtMs: number }>();

  constructor(directory: string, sources: VolumeSources, address: PodAddress) {
    this.#directory = directory;
    this.#sources = sources;
    this.#address = address;
  }

  /** Makes all volumes; the folder of each by its name. Throws `VolumeNotReady` when an object is missing. */
  async prepare(pod: Pod): Promise<ReadonlyMap<string, string>> {
    const folders = new Map<string, string>();
    for (const volume of pod.spec.volumes ?? []) folders.set(volume.name, await this.#make(pod, volume));
    return folders;
  }

  /** Writes anew what has changed of Secrets, ConfigMaps, tokens and the Pod's own fields; what is gone stays as it was. */
  async refresh(pod: Pod): Promise<void> {
    for (const volume of pod.spec.volumes ?? []) {
      const payload = await this.#payload(pod, volume).catch((error: unknown) => {
        if (error instanceof VolumeNotReady) return undefined;
        throw error;
      });
      if (payload !== undefined) writePayload(this.#folder(volume), payload);
    }
  }

  async #make(pod: Pod, volume: Volume): Promise<string> {
    const claim = volume.persistentVolumeClaim;
    if (claim !== undefined) {
      const folder = this.#sources.claimFolder(pod.metadata.namespace, claim.claimName);
      if (folder === undefined) throw new VolumeNotReady(`claim ${claim.claimName} is not bound`);
      return folder;
    }
    const folder = this.#folder(volume);
    mkdirSync(folder, { recursive: true });
    const payload = await this.#payload(pod, volume);
    if (payload !== undefined) writePayload(folder, payload);
    else if (volume.emptyDir === undefined) throw new VolumeNotReady(`volume ${volume.name} is of an unsupported kind`);
    return folder;
  }

  /** The files of a volume that has its content from the API; undefined for others. */
  async #payload(pod: Pod, volume: Volume): Promise<Payload | undefined> {
    const entries: Entries = new Map();
    const { secret, configMap, downwardAPI, projected } = volume;
    if (secret !== undefined) this.#addSecret(entries, pod, secret, secret.defaultMode);
    else if (configMap !== undefined) this.#addConfigMap(entries, pod, configMap, configMap.defaultMode);
    else if (downwardAPI !== undefined) this.#addFields(entries, pod, downwardAPI, downwardAPI.defaultMode);
    else if (projected !== undefined) {
      for (const source of projected.sources) {
        if (source.secret !== undefined) this.#addSecret(entries, pod, source.secret, projected.defaultMode);
        if (source.configMap !== undefined) this.#addConfigMap(entries, pod, source.configMap, projected.defaultMode);
        if (source.downwardAPI !== undefined) this.#addFields(entries, pod, source.downwardAPI, projected.defaultMode);
        if (source.serviceAccountToken !== undefined)
          await this.#addToken(entries, pod, source.serviceAccountToken, projected.defaultMode);
      }
    } else return undefined;
    return entries;
  }

  #addSecret(entries: Entries, pod: Pod, source: SecretSource, mode: number | undefined): void {
    const name = source.secretName ?? source.name ?? "";
    const secret = this.#sources.secret(pod.metadata.namespace, name);
    if (secret === undefined && source.optional !== true) throw new VolumeNotReady(`secret "${name}" not found`);
    const files = filesOf(secret?.data, "base64");
    addKeys(entries, `secret ${name}`, files, source.items, source.optional, mode);
  }

  #addConfigMap(entries: Entries, pod: Pod, source: ConfigMapSource, mode: number | undefined): void {
    const map = this.#sources.configMap(pod.metadata.namespace, source.name);
    if (map === undefined && source.optional !== true) throw new VolumeNotReady(`configmap "${source.name}" not found`);
    const files = new Map([...filesOf(map?.data, "utf8"), ...filesOf(map?.binaryData, "base64")]);
    addKeys(entries, `configmap ${source.name}`, files, source.items, source.optional, mode);
  }

  #addFields(entries: Entries, pod: Pod, source: DownwardSource, mode = 0o644): void {
    for (const { path, fieldRef, resourceFieldRef } of source.items ?? []) {
      const container = pod.spec.containers.find(({ name }) => name === resourceFieldRef?.containerName);
      const value =
        fieldRef !== undefined
          ? podField(pod, fieldRef.fieldPath, this.#address)
          : resourceFieldRef !== undefined && container !== undefined
            ? resourceField(container, resourceFieldRef)
            : "";
      entries.set(path, { content: Buffer.from(value), mode });
    }
  }

  async #addToken(entries: Entries, pod: Pod, source: TokenSource, mode = 0o644): Promise<void> {
    const { path, audience, expirationSeconds = TOKEN_SECONDS } = source;
    const known = this.#tokens.get(path);
    let token = known?.token;
    if (known === undefined || Date.now() >= known.renewAtMs) {
      token = await this.#sources.token(pod, audience, expirationSeconds);
      this.#tokens.set(path, { token, renewAtMs: Date.now() + expirationSeconds * 800 });
    }
    entries.set(path, { content: Buffer.from(token ?? ""), mode });
  }

  #folder(volume: Volume): string {
    return join(this.#directory, "volumes", volume.name);
  }
}

function filesOf(data: KeyedData["data"], encoding: "base64" | "utf8"): Map<string, Buffer> {
  return new Map(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]));
}

function addKeys(
  entries: Entries,
  what: string,
  files: ReadonlyMap<string, Buffer>,
  items: readonly KeyToPath[] | undefined,
  optional: boolean | undefined,
  defaultMode = 0o644,
): void {
  const chosen: readonly KeyToPath[] = items ?? [...files.keys()].map((key) => ({ key, path: key }));
  for (const { key, path, mode = defaultMode } of chosen) {
    const content = files.get(key);
    if (content !== undefined) entries.set(path, { content, mode });
    else if (optional !== true) throw new VolumeNotReady(`${what} has no key ${key}`);
  }
}
