import { constants, createHmac, type KeyObject, sign, timingSafeEqual, verify } from "node:crypto";

/** What a signing method needs a key to be. */
export type KeyKind = "secret" | "rsa" | "ec" | "ed25519";

/** One of the methods of RFC 7518, section 3, or EdDSA of RFC 8037. */
export interface SigningMethod {
  /** As it stands in the header of a token. */
  readonly name: string;
  readonly keyKind: KeyKind;
  /** The curve, for keys of the kind `ec`, by Node's name. */
  readonly curve?: string;
  sign(data: Buffer, key: KeyObject): Buffer;
  verify(data: Buffer, key: KeyObject, signature: Buffer): boolean;
}

const CURVES: Readonly<Record<string, string>> = { ES256: "prime256v1", ES384: "secp384r1", ES512: "secp521r1" };

/** The method of this name; undefined if there is none. `none`, which signs nothing, is none. */
export function signingMethod(name: string): SigningMethod | undefined {
  if (name === "EdDSA") {
    return {
      name,
      keyKind: "ed25519",
      sign: (data, key) => sign(null, data, key),
      verify: (data, key, signature) => verify(null, data, key, signature),
    };
  }
  const [, family, bits] = /^(HS|RS|PS|ES)(256|384|512)$/.exec(name) ?? [];
  const hash = `sha${bits}`;
  switch (family) {
    case "HS":
      return hmac(name, hash);
    case "RS":
      return asymmetric(name, hash, "rsa", { padding: constants.RSA_PKCS1_PADDING }, {});
    case "PS":
      return asymmetric(
        name,
        hash,
        "rsa",
        { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
        { saltLength: constants.RSA_PSS_SALTLEN_AUTO },
      );
    case "ES":
      return asymmetric(name, hash, "ec", { dsaEncoding: "ieee-p1363" }, {});
    default:
      return undefined;
  }
}

function hmac(name: string, hash: string): SigningMethod {
  const mac = (data: Buffer, key: KeyObject): Buffer => createHmac(hash, key).update(data).digest();
  return {
    name,
    keyKind: "secret",
    sign: mac,
    verify: (data, key, signature) => {
      const expected = mac(data, key);
      return expected.length === signature.length && timingSafeEqual(expected, signature);
    },
  };
}

interface SignatureForm {
  readonly padding?: number;
  readonly saltLength?: number;
  readonly dsaEncoding?: "ieee-p1363";
}

function asymmetric(
  name: string,
  hash: string,
  keyKind: KeyKind,
  form: SignatureForm,
  verified: SignatureForm,
): SigningMethod {
  const curve = CURVES[name];
  return {
    name,
    keyKind,
    ...(curve === undefined ? {} : { curve }),
    sign: (data, key) => sign(hash, data, { key, ...form }),
    verify: (data, key, signature) => verify(hash, data, { key, ...form, ...verified }, signature),
  };
}
