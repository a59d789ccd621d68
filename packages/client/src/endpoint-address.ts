import { isIPv6 } from "node:net";

/** What an endpoint's text says. */
export interface EndpointAddress {
  /** As the user wrote it; what errors name. */
  readonly text: string;
  /** As grpc-js takes it. */
  readonly target: string;
  /** Whether its scheme asks for TLS, forbids it, or leaves that to the options. */
  readonly security: "required" | "forbidden" | "optional";
  /** The host, without port and brackets; the file of a socket. Certificates are checked against it. */
  readonly host: string;
}

const PORT_DEFAULT = 2379;

/**
 * Reads `host:port`, `http://host:port`, `https://host:port`, `unix:///path`, `unix://name` or `unixs://…`. Without a port: 2379.
 * Throws TypeError for anything else. TLS as etcd's clients decide: `https` and `unixs` need it, `http` never has it, otherwise it
 * is used if the options configure it.
 */
export function parseEndpoint(text: string): EndpointAddress {
  const trimmed = text.trim();
  const [, scheme, rest] = /^(?:([a-z]+):\/\/)?(.*)$/s.exec(trimmed) ?? [];
  switch (scheme) {
    case "unix":
    case "unixs":
      return socketAddress(text, rest ?? "", scheme === "unixs" ? "required" : "optional");
    case "http":
      return hostAddress(text, rest ?? "", "forbidden");
    case "https":
      return hostAddress(text, rest ?? "", "required");
    case undefined:
      if (trimmed.startsWith("unix:")) return socketAddress(text, trimmed.slice("unix:".length), "optional");
      return hostAddress(text, trimmed, "optional");
    default:
      throw new TypeError(`endpoint ${JSON.stringify(text)}: the scheme is none of http, https, unix and unixs`);
  }
}

function socketAddress(text: string, path: string, security: EndpointAddress["security"]): EndpointAddress {
  if (path === "") throw new TypeError(`endpoint ${JSON.stringify(text)} names no socket`);
  const target = path.startsWith("/") ? `unix://${path}` : `unix:${path}`;
  const name = path.split("/").at(-1) ?? path;
  return { text, target, security, host: name.replace(/:\d+$/, "") };
}

function hostAddress(text: string, rest: string, security: EndpointAddress["security"]): EndpointAddress {
  const authority = rest.replace(/\/+$/, "");
  let url: URL;
  try {
    url = new URL(`tcp://${authority}`);
  } catch {
    throw new TypeError(`endpoint ${JSON.stringify(text)} is no host:port`);
  }
  if (url.hostname === "" || url.pathname !== "" || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw new TypeError(`endpoint ${JSON.stringify(text)} is no host:port`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? PORT_DEFAULT : Number(url.port);
  return { text, target: isIPv6(host) ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`, security, host };
}
