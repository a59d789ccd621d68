import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf } from "../frame/command-error.ts";
import { printLine } from "../frame/output.ts";
import type { Connection } from "./connection.ts";
import { tlsFromFlags } from "./tls-files.ts";

const METRIC = /^process_resident_memory_bytes\s+(\S+)/m;

/** The memory of the first endpoint's process, by its metrics. Says why where it cannot be read, and answers undefined. */
export async function residentMemoryBytes(connection: Connection): Promise<number | undefined> {
  const { stdout } = connection.context;
  const [endpoint = ""] = connection.client.endpoints;
  const url = `${/^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`}/metrics`;
  try {
    const [, text] = METRIC.exec(await fetchText(url, connection)) ?? [];
    if (text !== undefined) return Number(text);
    printLine(stdout, "could not find: process_resident_memory_bytes");
  } catch (error) {
    printLine(stdout, `fetch error: ${messageOf(error)}`);
  }
  return undefined;
}

async function fetchText(url: string, connection: Connection): Promise<string> {
  const tls = url.startsWith("https:") ? await tlsFromFlags(connection.context.flags) : undefined;
  const options =
    tls === undefined
      ? {}
      : {
          ca: tls.ca as string,
          cert: tls.cert as string,
          key: tls.key as string,
          rejectUnauthorized: tls.insecureSkipVerify !== true,
        };
  return await new Promise((resolve, reject) => {
    const request = url.startsWith("https:") ? httpsRequest(url, options) : httpRequest(url);
    request.setTimeout(connection.timeoutMs, () => request.destroy(new Error("timed out")));
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve(Buffer.concat(chunks).toString()));
    });
    request.end();
  });
}
