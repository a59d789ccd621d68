import { createServer, type Http2Server, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { createSnapshotResponse, type SnapshotResponse, SnapshotResponseDescriptor } from "@quorate/protocol";

/** A server that answers every call with these messages, and says that all went well: what no real server sends can be sent so. */
export class SnapshotServer implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #sessions = new Set<Http2Session>();

  private constructor(server: Http2Server) {
    this.#server = server;
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
  }

  static async start(responses: readonly Partial<SnapshotResponse>[]): Promise<SnapshotServer> {
    const body = Buffer.concat(responses.map((response) => framed(createSnapshotResponse(response))));
    const server = createServer();
    server.on("stream", (stream) => answer(stream, body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new SnapshotServer(server);
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answer(stream: ServerHttp2Stream, body: Uint8Array): void {
  stream.on("error", () => {});
  stream.resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(body);
}

/** A message of gRPC: not compressed, its length, itself. */
function framed(response: SnapshotResponse): Uint8Array {
  const message = SnapshotResponseDescriptor.encode(response);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
