import { checked, PUT } from "./loads.ts";
import { key, put, value } from "./requests.ts";

const VALUE_BYTES = 4096;
const MIB = 1024 * 1024;

/** Puts `mib` MiB of values of 4 KiB under keys of their own, at a rate that both servers can take. */
export async function fillStore(port: number, mib: number): Promise<void> {
  await checked({
    port,
    path: PUT,
    connections: 4,
    streams: 8,
    calls: Math.ceil((mib * MIB) / VALUE_BYTES),
    request: (_slot, n) => put(key(n, "store/"), value(VALUE_BYTES)),
  });
}
