/** Path and query of a request line. */
export interface RequestTarget {
  /** Without percent codes, never empty. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Where a path goes that has empty parts, `.` or `..` in it, as Go's `ServeMux` sends it on; undefined for others. */
  readonly cleaned: string | undefined;
}

/** etcd serves the gateway under this name as well. */
const GATEWAY_BEFORE = "/v3beta/";
const GATEWAY = "/v3/";

/** The target in origin or absolute form; undefined when its percent codes are none. */
export function requestTarget(url: string): RequestTarget | undefined {
  const origin = url.replace(/^https?:\/\/[^/?]*/i, "");
  const split = origin.indexOf("?");
  const given = unescaped(split < 0 ? origin : origin.slice(0, split));
  if (given === undefined) return undefined;
  const search = split < 0 ? "" : origin.slice(split);
  const path = given.startsWith(GATEWAY_BEFORE) ? GATEWAY + given.slice(GATEWAY_BEFORE.length) : given || "/";
  const clean = cleanPath(path);
  return {
    path,
    query: new URLSearchParams(search.slice(1)),
    cleaned: clean === path ? undefined : encodeURI(clean) + search,
  };
}

function unescaped(path: string): string | undefined {
  if (!path.includes("%")) return path;
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    // Bytes that are no UTF-8 name nothing that is served.
    return path;
  }
}

/** The path without empty parts, `.` and `..`; a slash at its end stays. */
function cleanPath(path: string): string {
  if (!/\/(?:\/|\.\.?(?:\/|$))/.test(path)) return path;
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  const clean = `/${kept.join("/")}`;
  return path.endsWith("/") && clean !== "/" ? `${clean}/` : clean;
}
