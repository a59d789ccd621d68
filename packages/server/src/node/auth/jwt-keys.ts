import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import type { SigningMethod } from "./signing-method.ts";

/** What tokens are signed and verified with. Without a key to sign with, a member only verifies. */
export interface JwtKeys {
  readonly signing: KeyObject | undefined;
  readonly verifying: KeyObject;
}

/** The contents of key files; undefined or empty for one that was not given. */
export interface KeyFiles {
  readonly publicKey: Buffer | undefined;
  readonly privateKey: Buffer | undefined;
}

/** Reads the keys for a method, or throws an Error, in etcd's words where it has them, that says what is wrong. */
export function jwtKeys(method: SigningMethod, { privateKey, publicKey }: KeyFiles): JwtKeys {
  const given = (file: Buffer | undefined): file is Buffer => file !== undefined && file.length > 0;
  if (method.keyKind === "secret") {
    if (!given(privateKey)) throw new Error("auth: missing key data");
    const secret = createSecretKey(privateKey);
    return { signing: secret, verifying: secret };
  }
  const signing = given(privateKey) ? suitable(method, createPrivateKey(privateKey), "private") : undefined;
  const verifying = given(publicKey) ? suitable(method, publicKeyOf(publicKey), "public") : undefined;
  if (signing === undefined) {
    if (verifying === undefined) throw new Error("auth: missing key data");
    return { signing, verifying };
  }
  const own = createPublicKey(signing);
  if (verifying !== undefined && !own.equals(verifying)) {
    throw new Error("auth: public and private keys don't match");
  }
  return { signing, verifying: own };
}

/** A public key, also of a certificate; a private key is none, though one could be made of it. */
function publicKeyOf(file: Buffer): KeyObject {
  if (file.includes("PRIVATE KEY")) throw new Error("auth: the public key file holds a private key");
  return createPublicKey(file);
}

function suitable(method: SigningMethod, key: KeyObject, which: string): KeyObject {
  const { keyKind, name } = method;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType !== keyKind || (keyKind === "ec" && curve !== method.curve)) {
    throw new Error(`auth: the ${which} key is none for ${name}`);
  }
  return key;
}
