import type { Container, EnvVar, KeyedData, KeyRef, Pod } from "./pod.ts";
import { type PodAddress, podField, resourceField } from "./pod-fields.ts";

/** Where environment variables are read from. */
export interface KeyedSources {
  secret(namespace: string, name: string): KeyedData | undefined;
  configMap(namespace: string, name: string): KeyedData | undefined;
}

/** Raised for a container that cannot be made as its Pod says; shown as the reason `CreateContainerConfigError`. */
export class ContainerConfigError extends Error {
  override readonly name = "ContainerConfigError";
}

/** The environment of a container, in the order in which the kubelet builds it; later values win. */
export function containerEnvironment(
  container: Container,
  pod: Pod,
  sources: KeyedSources,
  address: PodAddress,
): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const { prefix = "", secretRef, configMapRef } of container.envFrom ?? []) {
    if (secretRef !== undefined) {
      const secret = sources.secret(pod.metadata.namespace, secretRef.name);
      if (secret === undefined && secretRef.optional !== true) throw missing("secret", secretRef.name);
      for (const [key, value] of Object.entries(secret?.data ?? {})) values[prefix + key] = decode(value);
    }
    if (configMapRef !== undefined) {
      const map = sources.configMap(pod.metadata.namespace, configMapRef.name);
      if (map === undefined && configMapRef.optional !== true) throw missing("configmap", configMapRef.name);
      for (const [key, value] of Object.entries(map?.data ?? {})) values[prefix + key] = value;
    }
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, container, pod, sources, address, values);
    if (value !== undefined) values[variable.name] = value;
  }
  return values;
}

/** Replaces `$(NAME)` by a variable and `$$` by `$`; a name that is not defined stays as it is. */
export function expandVariables(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (whole, name?: string) =>
    whole === "$$" ? "$" : ((name === undefined ? undefined : values[name]) ?? whole),
  );
}

/**
 * A word of a command line or an environment as a process on the shared loopback must have it: where it names all of the
 * Pod's addresses (`0.0.0.0`, `[::]`, or only `:8080`) it gets the Pod's own one.
 */
export function ownAddress(text: string, podIp: string): string {
  return text
    .replace(/(?<![\d.])0\.0\.0\.0(?![\d.])/g, podIp)
    .replace(/\[::\](?=:\d|$|,)/g, podIp)
    .replace(/^((?:--?[\w-]+=)?):(\d{2,5})$/, `$1${podIp}:$2`);
}

function valueOf(
  { name, value = "", valueFrom }: EnvVar,
  container: Container,
  pod: Pod,
  sources: KeyedSources,
  address: PodAddress,
  before: Readonly<Record<string, string>>,
): string | undefined {
  if (valueFrom === undefined) return expandVariables(value, before);
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef !== undefined) return podField(pod, fieldRef.fieldPath, address);
  if (resourceFieldRef !== undefined) return resourceField(container, resourceFieldRef);
  if (secretKeyRef !== undefined) {
    const encoded = keyOf("secret", sources.secret(pod.metadata.namespace, secretKeyRef.name), secretKeyRef);
    return encoded === undefined ? undefined : decode(encoded);
  }
  if (configMapKeyRef !== undefined)
    return keyOf("configmap", sources.configMap(pod.metadata.namespace, configMapKeyRef.name), configMapKeyRef);
  throw new ContainerConfigError(`variable ${name} has an unknown source`);
}

function keyOf(kind: string, object: KeyedData | undefined, ref: KeyRef): string | undefined {
  const value = object?.data?.[ref.key];
  if (value !== undefined || ref.optional === true) return value;
  if (object === undefined) throw missing(kind, ref.name);
  throw new ContainerConfigError(`couldn't find key ${ref.key} in ${kind} ${ref.name}`);
}

function missing(kind: string, name: string): ContainerConfigError {
  return new ContainerConfigError(`${kind} "${name}" not found`);
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}
