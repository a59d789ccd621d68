import type { GrpcLimits } from "../types.ts";
import {
  DEFAULT_WINDOW,
  SETTINGS,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_HEADER_LIST_SIZE,
  WINDOW_UPDATE,
  writeFrameHeader,
  writeU32,
} from "./frames.ts";

/** What the server says first: its SETTINGS, and the connection's window raised to what is configured. */
export function initialFrames(limits: GrpcLimits): Uint8Array {
  const settings: [name: number, value: number][] = [
    [SETTINGS_INITIAL_WINDOW_SIZE, limits.streamReceiveWindowBytes],
    [SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
  ];
  // The largest value means no limit, which is what saying nothing means.
  if (limits.maxConcurrentStreams < 0xffff_ffff)
    settings.push([SETTINGS_MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams]);
  const frames = new Uint8Array(9 + settings.length * 6 + 13);
  writeFrameHeader(frames, 0, settings.length * 6, SETTINGS, 0, 0);
  let position = 9;
  for (const [name, value] of settings) {
    frames[position + 1] = name;
    writeU32(frames, position + 2, value);
    position += 6;
  }
  const raise = limits.connectionReceiveWindowBytes - DEFAULT_WINDOW;
  if (raise === 0) return frames.subarray(0, position);
  writeFrameHeader(frames, position, 4, WINDOW_UPDATE, 0, 0);
  writeU32(frames, position + 9, raise);
  return frames;
}
