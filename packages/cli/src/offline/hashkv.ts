import { type Backend, type HashKvResult, Store } from "@quorate/mvcc";
import { ERRORS } from "@quorate/protocol";
import { BboltReader, bboltBackend, EngineView, hasMarker, NODE_FILE_SYSTEM } from "@quorate/storage";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { withoutSlash } from "./directory-flag.ts";
import { untilUnlocked } from "./file-lock.ts";
import { checkFormat, hashKvReport, printFileReport } from "./reports.ts";

/** `hashkv <db file>` (CLI page, B2): the hash that members of a cluster compare, of a file or a data directory of Quorate. */
export const runHashKv: RunCommand = async (context) => {
  const [path, ...more] = context.args;
  if (path === undefined || more.length > 0) throw badArguments(`accepts 1 arg(s), received ${context.args.length}`);
  checkFormat(context);
  const revision = context.flags.integer("rev");
  const result = hasMarker(NODE_FILE_SYSTEM, withoutSlash(path))
    ? await hashOfMember(withoutSlash(path), revision)
    : await hashOfFile(path, revision, context.flags.milliseconds("timeout"));
  printFileReport(context, hashKvReport(result));
  return ExitCode.success;
};

async function hashOfFile(path: string, revision: number, timeoutMs: number): Promise<HashKvResult> {
  await untilUnlocked(path, timeoutMs);
  const reader = BboltReader.open(NODE_FILE_SYSTEM, path);
  try {
    return await hashOf(bboltBackend(reader, path), revision);
  } finally {
    reader.close();
  }
}

/** Of a stopped member of Quorate: what its engine holds. */
async function hashOfMember(directory: string, revision: number): Promise<HashKvResult> {
  const view = await EngineView.open(NODE_FILE_SYSTEM, directory);
  try {
    return await hashOf(view.backend(), revision);
  } finally {
    await view.close();
  }
}

async function hashOf(backend: Backend, revision: number): Promise<HashKvResult> {
  let fail: (error: Error) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const store = new Store(backend, { onFailure: (error) => fail(error) });
  const result = new Promise<HashKvResult>((resolve, reject) => {
    store.restore((error) => {
      if (error !== undefined) reject(error);
      else {
        store.hashKv(revision, (code, found) => {
          if (found !== undefined) resolve(found);
          else reject(new CommandError(ExitCode.error, textOf(code)));
        });
      }
    });
  });
  return await Promise.race([result, failure]);
}

/** As the store has it: only a server says who it is. */
function textOf(code: keyof typeof ERRORS | undefined): string {
  return code === undefined ? "no hash" : ERRORS[code].message.replace(/^etcdserver: /, "");
}
