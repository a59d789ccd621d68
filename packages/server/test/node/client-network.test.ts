import { describe, expect, it } from "@jest/globals";
import { clientNetwork } from "../../src/node/client-network.ts";

describe("the network of a client", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:10.0.0.7", "::ffff:10.0.0.7"],
    ["", ""],
    ["::1", "0:0:0:0::"],
    ["::", "0:0:0:0::"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
    ["2001:db8:1:2::6", "2001:db8:1:2::"],
    ["2001:db8::6", "2001:db8:0:0::"],
    ["2001:db8::5:6:7:8:9", "2001:db8:0:5::"],
    ["fe80::1%eth0", "fe80:0:0:0::"],
  ])("of %j is %j", (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});
