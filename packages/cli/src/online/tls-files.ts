import { readFile } from "node:fs/promises";
import type { TlsOptions } from "@quorate/client";
import { badArguments } from "../frame/command-error.ts";
import type { FlagValues } from "../frame/flag-values.ts";
import { goFileError } from "../go/go-file-error.ts";

/** Files and switches that a client's TLS is made of. */
export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  readonly cacert: string;
  readonly insecureTransport: boolean;
  readonly insecureSkipVerify: boolean;
  /** Empty: the endpoint's host. */
  readonly serverName: string;
}

/** TLS by the global flags; undefined where none is asked for. CLI page, A1.2. */
export async function tlsFromFlags(flags: FlagValues): Promise<TlsOptions | undefined> {
  for (const name of ["cert", "key", "cacert"]) {
    if (flags.changed(name) && flags.string(name) === "")
      throw badArguments(`empty string is passed to --${name} option`);
  }
  return await tlsFromFiles({
    cert: flags.string("cert"),
    key: flags.string("key"),
    cacert: flags.string("cacert"),
    insecureTransport: flags.bool("insecure-transport"),
    insecureSkipVerify: flags.bool("insecure-skip-tls-verify"),
    serverName: flags.bool("insecure-discovery") ? "" : flags.string("discovery-srv"),
  });
}

/** Reads the files. Throws CommandError (128) naming a file that cannot be read, or the one that is missing beside another. */
export async function tlsFromFiles(settings: TlsSettings): Promise<TlsOptions | undefined> {
  const { cert, key, cacert, serverName } = settings;
  if ((cert === "") !== (key === ""))
    throw badArguments(`KeyFile and CertFile must both be present[key: ${key}, cert: ${cert}]`);
  const named = cert !== "" || cacert !== "" || serverName !== "";
  if (!named && settings.insecureTransport && !settings.insecureSkipVerify) return undefined;
  return {
    ...(cacert === "" ? {} : { ca: await readAuthorities(cacert) }),
    ...(cert === "" ? {} : { cert: await readPem(cert), key: await readPem(key) }),
    ...(serverName === "" ? {} : { serverName }),
    ...(settings.insecureSkipVerify ? { insecureSkipVerify: true } : {}),
  };
}

/** Node.js takes a file without any certificate for one with none to trust. */
async function readAuthorities(path: string): Promise<string> {
  const pem = await readPem(path);
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw badArguments(`${path} has no certificate in PEM`);
  return pem;
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw badArguments(goFileError("open", path, error));
  }
}
