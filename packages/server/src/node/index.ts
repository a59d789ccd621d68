export type { ServerConfig } from "./config/index.ts";
export { parseServerConfig } from "./config/index.ts";
export { main } from "./main.ts";
export type { NodeDeps } from "./node.ts";
export { Node } from "./node.ts";
