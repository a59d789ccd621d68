import { createPrivateKey, type KeyObject, webcrypto } from "node:crypto";
import type { KeyAlgorithm } from "../../core/index.ts";

/** How the Web Cryptography API calls a key algorithm, for making keys and for signing with them. */
type Parameters = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams | webcrypto.Algorithm;

const RSA_EXPONENT = new Uint8Array([1, 0, 1]);

const PARAMETERS: Readonly<Record<KeyAlgorithm, Parameters>> = {
  "ECDSA-P256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as webcrypto.EcKeyGenParams,
  "ECDSA-P384": { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" } as webcrypto.EcKeyGenParams,
  "RSA-3072": { name: "RSASSA-PKCS1-v1_5", modulusLength: 3072, publicExponent: RSA_EXPONENT, hash: "SHA-256" },
  Ed25519: { name: "Ed25519" },
};

export function parametersOf(algorithm: KeyAlgorithm): Parameters {
  return PARAMETERS[algorithm];
}

export async function generateKeys(algorithm: KeyAlgorithm): Promise<webcrypto.CryptoKeyPair> {
  const keys = await webcrypto.subtle.generateKey(PARAMETERS[algorithm], true, ["sign", "verify"]);
  return keys as webcrypto.CryptoKeyPair;
}

/** PKCS#8 in PEM. */
export async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return String(createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }));
}

/** A key to sign with. Throws for what is no key of a kind made here. */
export async function signingKey(
  pem: string,
): Promise<{ readonly key: webcrypto.CryptoKey; readonly algorithm: KeyAlgorithm }> {
  const object = createPrivateKey(pem);
  const algorithm = algorithmOf(object);
  if (algorithm === undefined) throw new Error("the authority's key is of a kind that is not supported");
  const der = object.export({ format: "der", type: "pkcs8" });
  const key = await webcrypto.subtle.importKey("pkcs8", new Uint8Array(der), PARAMETERS[algorithm], false, ["sign"]);
  return { key, algorithm };
}

/** Which of the kinds made here a key is; undefined: none of them. */
export function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): KeyAlgorithm | undefined {
  if (asymmetricKeyType === "ed25519") return "Ed25519";
  if (asymmetricKeyType === "rsa" && asymmetricKeyDetails?.modulusLength === 3072) return "RSA-3072";
  if (asymmetricKeyType !== "ec") return undefined;
  if (asymmetricKeyDetails?.namedCurve === "prime256v1") return "ECDSA-P256";
  return asymmetricKeyDetails?.namedCurve === "secp384r1" ? "ECDSA-P384" : undefined;
}
