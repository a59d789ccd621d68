import { type Clock, latin1FromBytes } from "@quorate/base";
import { BboltReader } from "../bbolt/bbolt-reader.ts";
import type { MemberIdentity } from "../data-directory.ts";
import { EngineBuilder } from "../snapshot/engine-builder.ts";
import { MetaKey } from "../snapshot/etcd-records.ts";
import { StorageError } from "../storage-error.ts";
import { type BuildPlace, DirectoryBuild } from "./directory-build.ts";
import { type EtcdMember, type EtcdMemberPlace, readEtcdMember } from "./etcd-member.ts";
import { buildLog } from "./log-builder.ts";

/** What is migrated, and where to. */
export interface MigrateOptions {
  /** The data directory of a stopped member of etcd; it is only read. */
  readonly source: EtcdMemberPlace;
  readonly target: BuildPlace;
  readonly clock: Clock;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Bytes done, of about so many. */
  readonly onProgress?: (bytes: number, total: number) => void;
}

/** What was migrated. */
export interface Migrated {
  readonly identity: MemberIdentity;
  readonly revision: number;
  /** Where in the log the state is, and how many entries follow it. */
  readonly index: number;
  readonly entryCount: number;
}

/**
 * Makes the data directory of a member out of that of a stopped member of etcd: the same member of the same cluster, with all that it
 * has stored, acknowledged and voted for, so it may take its place, and the old one must not start again. All or nothing, and
 * durable when it resolves. Rejects with StorageError, as {@link readEtcdMember} throws and for the target, or with the signal's reason;
 * nothing is left then.
 */
export async function migrateEtcdMember(options: MigrateOptions): Promise<Migrated> {
  const { clock, source, target } = options;
  const member = readEtcdMember(source);
  const build = DirectoryBuild.begin(target);
  try {
    const revision = await buildEngine(options, member, build.enginePath);
    await buildLog(target.fs, clock, build.walPath, {
      metadata: member.metadata,
      position: member.position,
      before: [],
      behind: member.entries,
      hardState: member.hardState,
    });
    refuseChanged(source, member);
    build.finish(member.identity);
    const { index } = member.position;
    return { identity: member.identity, revision, index, entryCount: member.entries.length };
  } catch (error) {
    build.abandon();
    throw error;
  }
}

async function buildEngine(options: MigrateOptions, member: EtcdMember, directory: string): Promise<number> {
  const { fs } = options.source;
  const { databasePath: path, position } = member;
  const reader = BboltReader.open(fs, path);
  try {
    const engine = await EngineBuilder.fill({
      fs: options.target.fs,
      directory,
      reader,
      path,
      index: position.index,
      signal: options.signal,
      // The configuration is the barrier's; a copy here would grow old.
      edit: {
        buckets: new Map(),
        meta: new Map([[latin1FromBytes(MetaKey.ConfState), undefined]]),
        bumpRevision: 0,
      },
      checksValues: true,
      onProgress: (bytes) => options.onProgress?.(bytes, reader.sizeBytes),
    });
    await engine.finish(position);
    return engine.revision;
  } finally {
    reader.close();
  }
}

/** A member that runs after all has moved on; locks tell only where the system shows them. */
function refuseChanged(source: EtcdMemberPlace, before: EtcdMember): void {
  const now = readEtcdMember(source);
  const isSame =
    now.position.index === before.position.index &&
    now.entries.length === before.entries.length &&
    now.hardState.term === before.hardState.term &&
    now.hardState.commit === before.hardState.commit;
  if (isSame) return;
  throw new StorageError("locked", "the data directory changes while it is read", {
    file: source.dataDirectory,
    remedy: "stop the member of etcd first",
  });
}
