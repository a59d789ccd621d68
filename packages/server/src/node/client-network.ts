const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * What limits for each client count: the address of an IPv4 client, and the first 64 bits of an IPv6 client's, which commonly has all
 * addresses below them to choose from (RFC 6177).
 */
export function clientNetwork(address: string): string {
  // An address of IPv4 may come as one of IPv6, and ends as it always does.
  if (!address.includes(":") || address.includes(".")) return address;
  const [before, after] = address.split("::").map((groups) => groups.split(":").filter((group) => group !== ""));
  const head = before ?? [];
  const zeros = after === undefined ? 0 : GROUPS - head.length - after.length;
  const groups = [...head, ...Array.from({ length: Math.max(zeros, 0) }, () => "0"), ...(after ?? [])];
  return `${groups.slice(0, NETWORK_GROUPS).join(":")}::`;
}
