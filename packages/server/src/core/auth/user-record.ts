import { losslessBytes } from "@quorate/base";
import {
  createUser,
  decodeLenient,
  encodeMessage,
  readUser,
  type User,
  type Writer,
  writeUser,
} from "@quorate/protocol";
import type { RecordCodec } from "./record-table.ts";

/** Of `authpb.User.roles`. */
const ROLES_TAG = 0x1a;

/** Users in their bucket. Their roles keep the bytes of their names, whatever those are. */
export const USER_RECORD: RecordCodec<User> = {
  encode: (user) => encodeMessage(write, user),
  decode: (bytes) => decodeLenient(readUser, bytes),
};

/** In the order of the fields, as etcd writes them. */
function write(writer: Writer, { name, options, password, roles }: User): void {
  writeUser(writer, createUser({ name, password }));
  for (const role of roles) {
    writer.byte(ROLES_TAG);
    writer.bytes(losslessBytes(role));
  }
  writeUser(writer, createUser({ options }));
}
