import { describe, expect, it } from "@jest/globals";
import { DecodeError } from "@quorate/protocol";
import {
  decodeLegacyRequest,
  encodeLegacyPut,
  LEGACY_VERSION_PATH,
  legacyAttributes,
  legacyAttributesPath,
  legacyRequestId,
  mayBeLegacyRequest,
} from "@quorate/server/core";
import { requestEntry } from "./machine.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

// From write-ahead logs: a member of etcd 3.4.23 publishes its attributes, one of 3.5.30 too, one of each sets the version.
const ATTRIBUTES_3_4 = hex(
  "08829686edcac2a8a0db0112035055541a252f302f6d656d626572732f6332373865656436323439646234302f6174747269627574657322357b226e" +
    "616d65223a226e32222c22636c69656e7455524c73223a5b22687474703a2f2f3132372e302e302e313a3231333432225d7d28003200380048005000" +
    "58006000680070007800800100",
);
const ATTRIBUTES_3_5 = hex(
  "0881e692efcac2e8e90112035055541a262f302f6d656d626572732f363231303532633437373534303164332f6174747269627574657322357b226e" +
    "616d65223a226e31222c22636c69656e7455524c73223a5b22687474703a2f2f3132372e302e302e313a3231343430225d7d28003200380048005000" +
    "58006000680070007800800100",
);
const VERSION_3_4 = hex(
  "0884b4d6eccac2a891a50112035055541a0a2f302f76657273696f6e2205332e342e302800320038004800500058006000680070007800800100",
);
// What these versions and 3.7.1 propose beside that.
const PUT = hex("22060a0161120162a2060b0885b4d6eccac2a891a501");
const VERSION_3_7 = hex("a2060b0882b8cef1cac2e8f8b801a251070a05332e372e30");

/** A request of the v2 API wrapped in field 2, with or without an ID before it. */
function wrapped(request: Uint8Array, id: readonly number[] = []): Uint8Array {
  return Uint8Array.from([...id, 0x12, request.length, ...request]);
}

describe("decodeLegacyRequest", () => {
  it("reads the attributes that members of 3.4 and 3.5 publish", () => {
    expect(decodeLegacyRequest(ATTRIBUTES_3_4)).toEqual({
      kind: "attributes",
      memberId: 0xc278eed6249db40n,
      name: "n2",
      clientUrls: ["http://127.0.0.1:21342"],
    });
    expect(decodeLegacyRequest(ATTRIBUTES_3_5)).toEqual({
      kind: "attributes",
      memberId: 0x621052c4775401d3n,
      name: "n1",
      clientUrls: ["http://127.0.0.1:21440"],
    });
  });

  it("reads the cluster version, raw and wrapped", () => {
    const version = { kind: "clusterVersion", version: "3.4.0" };

    expect(decodeLegacyRequest(VERSION_3_4)).toEqual(version);
    expect(decodeLegacyRequest(wrapped(VERSION_3_4))).toEqual(version);
    expect(decodeLegacyRequest(wrapped(VERSION_3_4, [0x08, 0x05]))).toEqual(version);
  });

  it("leaves requests of the v3 API alone, with an ID in front too", () => {
    for (const entry of [PUT, VERSION_3_7, requestEntry(4, hex("0a0161"), 5)]) {
      expect(mayBeLegacyRequest(entry)).toBe(false);
      expect(decodeLegacyRequest(entry)).toBeUndefined();
    }
    // ID, then a range of the key "/0".
    expect(decodeLegacyRequest(hex("08051a040a022f30"))).toBeUndefined();
    expect(decodeLegacyRequest(hex("080522060a0161120162"))).toBeUndefined();
    expect(decodeLegacyRequest(new Uint8Array(0))).toBeUndefined();
  });

  it("knows requests to the v2 key space, which mean nothing here", () => {
    // PUT /1/a
    expect(decodeLegacyRequest(hex("080112035055541a042f312f61"))).toEqual({
      kind: "none",
      method: "PUT",
      path: "/1/a",
    });
  });

  it("answers nothing or a DecodeError to damaged ones, and never something else", () => {
    for (const whole of [ATTRIBUTES_3_4, VERSION_3_4, wrapped(VERSION_3_4)]) {
      for (let length = 0; length < whole.length; length++) {
        let outcome: unknown;
        try {
          outcome = decodeLegacyRequest(whole.subarray(0, length))?.kind;
        } catch (error) {
          outcome = error;
        }
        const isFine = outcome === undefined || typeof outcome === "string" || outcome instanceof DecodeError;
        expect({ length, isFine }).toEqual({ length, isFine: true });
      }
    }
  });
});

describe("encodeLegacyPut", () => {
  // Fields that etcd writes although they are unset.
  const UNSET = hex("2800320038004800500058006000680070007800800100");

  it("writes what members of 3.4 propose but for unset fields, under the ID it is given", () => {
    const id = legacyRequestId(VERSION_3_4);
    const version = encodeLegacyPut(id, LEGACY_VERSION_PATH, "3.4.0");
    const attributes = encodeLegacyPut(
      legacyRequestId(ATTRIBUTES_3_4),
      legacyAttributesPath(0xc278eed6249db40n),
      legacyAttributes("n2", ["http://127.0.0.1:21342"]),
    );

    expect(id).toBe(0xa522a214ad959a04n);
    expect(Uint8Array.from([...version, ...UNSET])).toEqual(VERSION_3_4);
    expect(Uint8Array.from([...attributes, ...UNSET])).toEqual(ATTRIBUTES_3_4);
    expect(legacyRequestId(wrapped(VERSION_3_4))).toBe(0n);
  });
});
