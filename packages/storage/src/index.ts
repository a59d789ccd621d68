export type { Barrier } from "./barrier.ts";
export type { BboltSource } from "./bbolt/bbolt-chunks.ts";
export type { BboltRecord } from "./bbolt/bbolt-format.ts";
export type { BboltBucket } from "./bbolt/bbolt-reader.ts";
export { BboltReader } from "./bbolt/bbolt-reader.ts";
export { writeBboltFile } from "./bbolt/bbolt-writer.ts";
export type { MemberIdentity } from "./data-directory.ts";
export { DataDirectory, hasMarker } from "./data-directory.ts";
export { bboltBackend } from "./inspect/bbolt-backend.ts";
export { type Defragmented, defragmentEngine } from "./inspect/defragment-engine.ts";
export { EngineView } from "./inspect/engine-view.ts";
export { leafPages, type ScannedPage } from "./inspect/leaf-pages.ts";
export type { SnapshotStatus, SnapshotStatusOptions } from "./inspect/snapshot-status.ts";
export { snapshotStatus } from "./inspect/snapshot-status.ts";
export { type WalRecord, walRecords } from "./inspect/wal-records.ts";
export type { FrozenBackend } from "./level/frozen-backend.ts";
export type { LevelBackendOptions } from "./level/level-backend.ts";
export { LevelBackend } from "./level/level-backend.ts";
export type { MemberStorage, MemberStorageOptions } from "./member-storage.ts";
export { openMemberStorage } from "./member-storage.ts";
export { MemoryBackend } from "./memory-backend.ts";
export { NODE_FILE_SYSTEM, NodeFileSystem } from "./node-file-system.ts";
export { type BuildPlace, isVacant } from "./restore/directory-build.ts";
export {
  type EtcdMember,
  type EtcdMemberPlace,
  etcdDatabasePath,
  etcdWalPath,
  readEtcdMember,
} from "./restore/etcd-member.ts";
export { type Migrated, type MigrateOptions, migrateEtcdMember } from "./restore/migrate-member.ts";
export { type Restored, type RestoreOptions, restoreSnapshot } from "./restore/restore-snapshot.ts";
export { hasDigest, type SnapshotDigest, snapshotDigest } from "./restore/snapshot-digest.ts";
export { decodeSnapFile, encodeSnapFile, SnapFiles, snapFileName } from "./snap/snap-files.ts";
export { confStateJson, ETCD_BUCKETS } from "./snapshot/etcd-records.ts";
export type { SnapshotPosition } from "./snapshot/snapshot-sources.ts";
export type { SnapshotStream } from "./snapshot/snapshot-stream.ts";
export type { V2Member, V2StoreContent } from "./snapshot/v2-store.ts";
export { encodeV2Store } from "./snapshot/v2-store.ts";
export type { StorageErrorCode, StorageErrorDetails } from "./storage-error.ts";
export { isDamage, StorageError } from "./storage-error.ts";
export {
  decodeEntry,
  decodeHardState,
  decodeWalMetadata,
  decodeWalSnapshot,
  encodeWalMetadata,
} from "./wal/record-codec.ts";
export type { TornTail, WalContents, WalPosition, WalSnapshotRecord } from "./wal/wal-contents.ts";
export type { WalOptions } from "./wal/write-ahead-log.ts";
export { WriteAheadLog } from "./wal/write-ahead-log.ts";
