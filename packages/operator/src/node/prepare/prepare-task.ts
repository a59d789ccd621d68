import { PREPARE_ENV, type RestoreSource } from "../../core/index.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the init container is to see to. */
export interface PrepareTask {
  readonly volume: string;
  readonly memberUid: string;
  /** The member had joined: without its data it must not start. */
  readonly mustHaveData: boolean;
  /** The volume may carry the mark of another member, which this one takes the place of. */
  readonly adopts: boolean;
  readonly forceEpoch: number | undefined;
  readonly restore: RestoreTask | undefined;
}

export interface RestoreTask {
  readonly source: RestoreSource;
  readonly memberName: string;
  readonly peerUrl: string;
  readonly clusterToken: string;
}

/** Throws, naming the variable, if one is missing or no good. */
export function parsePrepareTask(env: Environment): PrepareTask {
  const epoch = env[PREPARE_ENV.forceEpoch];
  return {
    volume: needed(env, PREPARE_ENV.volume),
    memberUid: needed(env, PREPARE_ENV.memberUid),
    mustHaveData: env[PREPARE_ENV.mustHaveData] === "true" || env[PREPARE_ENV.joined] === "true",
    adopts: env[PREPARE_ENV.adopts] === "true",
    forceEpoch: epoch === undefined ? undefined : epochOf(epoch),
    restore: restoreTask(env),
  };
}

function restoreTask(env: Environment): RestoreTask | undefined {
  const source = env[PREPARE_ENV.restoreSource];
  if (source === undefined || source === "") return undefined;
  return {
    source: JSON.parse(source) as RestoreSource,
    memberName: needed(env, PREPARE_ENV.memberName),
    peerUrl: needed(env, PREPARE_ENV.peerUrl),
    clusterToken: needed(env, PREPARE_ENV.clusterToken),
  };
}

function needed(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
}

function epochOf(text: string): number {
  if (!/^[1-9][0-9]*$/.test(text)) throw new Error(`the environment variable ${PREPARE_ENV.forceEpoch} is no number`);
  return Number(text);
}
