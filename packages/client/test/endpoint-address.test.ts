import { describe, expect, it } from "@jest/globals";
import { parseEndpoint } from "../src/endpoint-address.ts";

describe("parseEndpoint", () => {
  const cases: readonly (readonly [text: string, target: string, security: string, host: string])[] = [
    ["127.0.0.1:2379", "dns:127.0.0.1:2379", "optional", "127.0.0.1"],
    ["member.example", "dns:member.example:2379", "optional", "member.example"],
    ["http://member.example:80", "dns:member.example:80", "forbidden", "member.example"],
    ["https://member.example:443/", "dns:member.example:443", "required", "member.example"],
    ["[::1]:2379", "ipv6:[::1]:2379", "optional", "::1"],
    ["https://[fe80::1]", "ipv6:[fe80::1]:2379", "required", "fe80::1"],
    ["unix:///run/etcd.sock", "unix:///run/etcd.sock", "optional", "etcd.sock"],
    ["unix://localhost:2379", "unix:localhost:2379", "optional", "localhost"],
    ["unix:etcd.sock", "unix:etcd.sock", "optional", "etcd.sock"],
    ["unixs:///run/a:1", "unix:///run/a:1", "required", "a"],
  ];

  it.each(cases)("reads %s", (text, target, security, host) => {
    expect(parseEndpoint(text)).toEqual({ text, target, security, host });
  });

  it.each(["", "http://", "a:b:c", "http://a/v3", "user@a:1", "a:1?x", "a:70000", "unix://", "grpc://a:1"])(
    "refuses %j",
    (text) => {
      expect(() => parseEndpoint(text)).toThrow(TypeError);
    },
  );
});
