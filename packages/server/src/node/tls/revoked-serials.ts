import { readFileSync } from "node:fs";
import type { X509Crl } from "@peculiar/x509";
import { loadX509 } from "./x509-library.ts";

/** Reads lists of revoked certificates; loaded when there is one, since it brings a library along. */
export type RevocationReader = (path: string) => ReadonlySet<string>;

/**
 * Resolves to a reader of revocation lists, PEM or the bytes inside it. As in etcd a list is a list of serial numbers: neither its
 * signature nor the time of its next update is looked at, so that a list that was not renewed locks nobody out.
 */
export async function loadRevocationReader(): Promise<RevocationReader> {
  const { X509Crl: Crl } = await loadX509();
  return (path) => {
    const bytes = readFileSync(path);
    const text = bytes.toString("latin1");
    const lists = text.includes("-----BEGIN") ? pemBlocks(text, path) : [bytes];
    return new Set(lists.flatMap((list) => serialsOf(list, path, (raw) => new Crl(raw))));
  };
}

/** A serial number in hexadecimal, in one spelling. */
export function plainSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, "");
}

function serialsOf(bytes: Buffer, path: string, parse: (raw: Uint8Array<ArrayBuffer>) => X509Crl): string[] {
  try {
    return parse(new Uint8Array(bytes)).entries.map((entry) => plainSerial(entry.serialNumber));
  } catch (error) {
    throw new Error(`${path} is not a certificate revocation list`, { cause: error });
  }
}

function pemBlocks(text: string, path: string): Buffer[] {
  const blocks = [...text.matchAll(/-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/g)];
  const begun = text.match(/-----BEGIN /g)?.length ?? 0;
  if (blocks.length !== begun) throw new Error(`${path} holds something other than whole certificate revocation lists`);
  return blocks.map(([, base64 = ""]) => Buffer.from(base64, "base64"));
}
