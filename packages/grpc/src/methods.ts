import type { Method, Services, StreamHandler, UnaryHandler } from "./types.ts";

/** A method as the dispatcher wants it: one lookup by path gives all. */
export interface MethodEntry {
  readonly path: string;
  readonly kind: Method["kind"];
  /** Exactly one of the two handlers is set. */
  readonly unary: UnaryHandler | undefined;
  readonly stream: StreamHandler | undefined;
  /** Whether the client sends exactly one message, which is delivered when the request is complete. */
  readonly oneRequest: boolean;
}

/** The methods of a server by path. */
export class MethodTable {
  readonly #methods = new Map<string, MethodEntry>();
  readonly #services: ReadonlySet<string>;

  constructor(services: Services) {
    this.#services = new Set(Object.keys(services));
    for (const [service, methods] of Object.entries(services)) {
      for (const [name, method] of Object.entries(methods)) {
        const path = `/${service}/${name}`;
        this.#methods.set(path, {
          path,
          kind: method.kind,
          unary: method.kind === "unary" ? method.handler : undefined,
          stream: method.kind === "unary" ? undefined : method.handler,
          oneRequest: method.kind === "unary" || method.kind === "serverStream",
        });
      }
    }
  }

  find(path: string): MethodEntry | undefined {
    return this.#methods.get(path);
  }

  /** Why `path` names no method, in grpc-go's words. */
  explainMissing(path: string): string {
    const slash = path.lastIndexOf("/");
    // Without the leading slash a path could slip past rules written for the form with it (CVE-2026-33186).
    if (!path.startsWith("/") || slash === 0) return `malformed method name: ${JSON.stringify(path)}`;
    const service = path.slice(1, slash);
    if (!this.#services.has(service)) return `unknown service ${service}`;
    return `unknown method ${path.slice(slash + 1)} for service ${service}`;
  }
}
