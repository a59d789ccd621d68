import { createServer, type Server } from "node:net";

/**
 * `count` different TCP ports of 127.0.0.1 that were free a moment ago: all are held open together before any is let
 * go, so they are distinct. Another process may still take one before the caller does.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  const ports = held.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a listening TCP socket has no port");
    return address.port;
  });
  await Promise.all(held.map((server) => new Promise<void>((done) => server.close(() => done()))));
  return ports;
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
