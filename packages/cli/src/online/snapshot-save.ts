import type { SavedSnapshot, SnapshotProgress } from "@quorate/client";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError, messageOf } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { Progress } from "../frame/progress.ts";
import { humanBytes } from "../go/byte-size.ts";
import { goFileError } from "../go/go-file-error.ts";
import { type Connection, withConnection } from "./connection.ts";
import { isCallError } from "./failure.ts";
import { Interruption } from "./interruption.ts";

/** A snapshot is whole sectors and a SHA-256 of them behind. File formats page, bbolt. */
const SECTOR_BYTES = 512;
const CHECKSUM_BYTES = 32;

/** `snapshot save`: into `FILE.part` first, renamed when it is whole, checked and on the disk. CLI page, A3.3. */
export const runSnapshotSave: RunCommand = async (context) => {
  const [file, ...more] = context.args;
  if (file === undefined || more.length > 0) throw badArguments("snapshot save expects one argument <filename>");
  return await withConnection(
    context,
    async (connection) => {
      const { endpoints } = connection;
      if (endpoints.length !== 1)
        throw failed(`snapshot must be requested to one selected node, not multiple [${endpoints.join(" ")}]`);
      const { version } = await saveTo(file, connection);
      printLine(context.stdout, `Snapshot saved at ${file}`);
      if (version !== "") printLine(context.stdout, `Server version ${version}`);
    },
    { failureCode: ExitCode.interrupted },
  );
};

async function saveTo(file: string, connection: Connection): Promise<SavedSnapshot> {
  const { flags, stderr } = connection.context;
  // Ctrl-C leaves no half a file behind.
  using interruption = new Interruption(connection.context);
  const { signal } = interruption;
  const progress = new Progress(stderr, (done, total) =>
    total === undefined ? humanBytes(done) : `${humanBytes(done)} of ${humanBytes(total)}`,
  );
  let sizeBytes = 0;
  const onProgress = ({ receivedBytes, remainingBytes }: SnapshotProgress): void => {
    sizeBytes = receivedBytes;
    progress.update(receivedBytes, receivedBytes + remainingBytes);
  };
  const save = async (): Promise<SavedSnapshot> => {
    // Without --command-timeout it may take its time.
    const deadlineMs = flags.changed("command-timeout") ? connection.timeoutMs : undefined;
    const snapshot = await connection.client.maintenance.snapshot({ onProgress, signal, deadlineMs });
    return await snapshot.save(file);
  };
  try {
    return await interruption.orEnd(save());
  } catch (error) {
    throw inWordsOfEtcdctl(error, file, sizeBytes);
  } finally {
    progress.end();
  }
}

/** The failure of a file, or of what came, as etcdctl tells it; others as they are. `sizeBytes` is how much came. */
function inWordsOfEtcdctl(error: unknown, file: string, sizeBytes: number): unknown {
  if (isCallError(error)) {
    if (error.code !== "snapshotDamaged") return error;
    const isCut = sizeBytes % SECTOR_BYTES !== CHECKSUM_BYTES;
    // etcdctl does not look at the checksum itself, and has no words for a wrong one.
    return failed(isCut ? `sha256 checksum not found [bytes: ${sizeBytes}]` : messageOf(error), error);
  }
  const part = `${file}.part`;
  const { syscall } = error as NodeJS.ErrnoException;
  switch (syscall) {
    case undefined:
      return error;
    case "open":
      return failed(`could not open ${part} (${goFileError("open", part, error)})`, error);
    case "rename":
      return failed(`could not rename ${part} to ${file} (${goFileError("rename", `${part} ${file}`, error)})`, error);
    default:
      return failed(goFileError(syscall, part, error), error);
  }
}

function failed(message: string, cause?: unknown): CommandError {
  return new CommandError(ExitCode.interrupted, message, cause === undefined ? {} : { cause });
}
