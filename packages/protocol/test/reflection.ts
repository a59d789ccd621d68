import { readdirSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";

/** protobufjs' reflection over the package's .proto files: a codec that shares no code with ours. */
const folder = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../proto");

export const reflection: protobuf.Root = new protobuf.Root();
reflection.resolvePath = (_origin, target) => join(folder, target);
reflection.loadSync(readdirSync(folder), { keepCase: true });
