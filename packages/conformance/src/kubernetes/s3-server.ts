import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { ChildServer } from "@quorate/testkit";

const program = createRequire(import.meta.url).resolve("s3rver/bin/s3rver.js");

export interface S3ServerOptions {
  /** Address on which it listens; Pods reach none that is localhost to them. */
  readonly host: string;
  /** Its objects lie below, and its log. */
  readonly directory: string;
  readonly bucket: string;
}

/** An S3-compatible server with one bucket, path-style, in plain text: an `s3rver` process. It checks no signature of version 4. */
export class S3Server implements AsyncDisposable {
  readonly #server: ChildServer;
  readonly endpoint: string;
  readonly bucket: string;
  /** The only credentials it knows. */
  readonly accessKeyId = "S3RVER";
  readonly secretAccessKey = "S3RVER";

  private constructor(server: ChildServer, endpoint: string, bucket: string) {
    this.#server = server;
    this.endpoint = endpoint;
    this.bucket = bucket;
  }

  static async start({ host, directory, bucket }: S3ServerOptions): Promise<S3Server> {
    const port = await freePort(host);
    const flags = [`--directory=${directory}`, `--address=${host}`, `--port=${port}`, "--no-vhost-buckets"];
    const server = await ChildServer.start({
      command: [process.execPath, program, ...flags, "--configure-bucket", bucket],
      logFile: join(directory, "..", "s3.log"),
      ready: /listening on/i,
    });
    return new S3Server(server, `http://${host}:${port}`, bucket);
  }

  /** Requests and answers, in the order in which they were answered. */
  log(): string {
    return this.#server.log();
  }

  async close(): Promise<void> {
    await this.#server.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
