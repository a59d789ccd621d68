// The thread that hashes passwords: see src/node/auth/password-hasher.ts, which starts it.
import { parentPort } from "node:worker_threads";
import bcrypt from "bcryptjs";

/** A bcrypt hash in one of the forms that etcd's library reads. */
const HASH = /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

parentPort?.on("message", ({ password, hash, cost }) => {
  if (hash === undefined) parentPort?.postMessage(bcrypt.hashSync(password, cost));
  else parentPort?.postMessage(HASH.test(hash) && bcrypt.compareSync(password, hash));
});
