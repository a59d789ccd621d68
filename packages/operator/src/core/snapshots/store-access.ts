import type { Destination } from "../api/index.ts";
import type { EnvVar, Volume, VolumeMount } from "../kinds/index.ts";

/** What a container needs to reach a destination. */
export interface StoreAccess {
  readonly env: readonly EnvVar[];
  /** Of its Pod. */
  readonly volumes: readonly Volume[];
  readonly volumeMounts: readonly VolumeMount[];
}

const STORE_MOUNT = "/var/lib/quorate-store";
const CA_MOUNT = "/etc/quorate-store";
const STORE_VOLUME = "artifact-store";
const CA_VOLUME = "artifact-store-ca";

/** Names of the variables that tell the agent where the store is mounted. */
export const STORE_DIRECTORY_VARIABLE = "QUORATE_STORE_DIRECTORY";
export const STORE_CA_FILE_VARIABLE = "QUORATE_STORE_CA_FILE";

/** Keys of a Secret with credentials, and the variables that they become. */
const CREDENTIALS = [
  { key: "accessKeyId", variable: "AWS_ACCESS_KEY_ID", optional: false },
  { key: "secretAccessKey", variable: "AWS_SECRET_ACCESS_KEY", optional: false },
  { key: "sessionToken", variable: "AWS_SESSION_TOKEN", optional: true },
] as const;

/**
 * Variables, volumes and mounts with which a container of the operator's image reaches a destination: for the Jobs of snapshots, and for
 * the init container of a member that begins with an artifact. `isReadOnly` is for those that only fetch.
 */
export function storeAccess({ s3, pvc }: Destination, isReadOnly: boolean): StoreAccess {
  if (pvc !== undefined) {
    return {
      env: [{ name: STORE_DIRECTORY_VARIABLE, value: STORE_MOUNT }],
      volumes: [{ name: STORE_VOLUME, persistentVolumeClaim: { claimName: pvc.claimName, readOnly: isReadOnly } }],
      volumeMounts: [
        {
          name: STORE_VOLUME,
          mountPath: STORE_MOUNT,
          readOnly: isReadOnly,
          ...(pvc.subPath === undefined ? {} : { subPath: pvc.subPath }),
        },
      ],
    };
  }
  const ca = s3?.caConfigMapName;
  const secret = s3?.credentialsSecretName;
  return {
    env: [
      ...(ca === undefined ? [] : [{ name: STORE_CA_FILE_VARIABLE, value: `${CA_MOUNT}/ca.crt` }]),
      ...(secret === undefined ? [] : CREDENTIALS.map((credential) => credentialVariable(secret, credential))),
    ],
    volumes: ca === undefined ? [] : [{ name: CA_VOLUME, configMap: { name: ca } }],
    volumeMounts: ca === undefined ? [] : [{ name: CA_VOLUME, mountPath: CA_MOUNT, readOnly: true }],
  };
}

function credentialVariable(secret: string, { key, variable, optional }: (typeof CREDENTIALS)[number]): EnvVar {
  const ref = { name: secret, key, ...(optional ? { optional } : {}) };
  return { name: variable, valueFrom: { secretKeyRef: ref } };
}
