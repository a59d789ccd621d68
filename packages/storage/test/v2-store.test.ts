import { describe, expect, it } from "@jest/globals";
import { utf8Text } from "@quorate/base";
import { encodeV2Store } from "@quorate/storage";

describe("the old store's dump", () => {
  it("has members with what they published, removed ones and the cluster version", () => {
    const dump = encodeV2Store({
      members: [
        {
          id: 0xfe12n,
          name: "a",
          peerUrls: ["http://a:1", "http://a:2"],
          clientUrls: ["http://a:3"],
          isLearner: false,
        },
        { id: 0x2n, name: "", peerUrls: ["http://b:1"], clientUrls: [], isLearner: true },
      ],
      removed: [0xffffffffffffffffn],
      clusterVersion: "3.6.0",
    });
    const file = (path: string, value: string): object => ({ Path: path, Value: value });
    expect(JSON.parse(utf8Text(dump))).toEqual({
      Root: {
        Path: "/",
        Children: {
          "0": {
            Path: "/0",
            Children: {
              members: {
                Path: "/0/members",
                Children: {
                  fe12: {
                    Path: "/0/members/fe12",
                    Children: {
                      raftAttributes: file(
                        "/0/members/fe12/raftAttributes",
                        '{"peerURLs":["http://a:1","http://a:2"]}',
                      ),
                      attributes: file("/0/members/fe12/attributes", '{"name":"a","clientURLs":["http://a:3"]}'),
                    },
                  },
                  "2": {
                    Path: "/0/members/2",
                    Children: {
                      raftAttributes: file(
                        "/0/members/2/raftAttributes",
                        '{"peerURLs":["http://b:1"],"isLearner":true}',
                      ),
                    },
                  },
                },
              },
              removed_members: {
                Path: "/0/removed_members",
                Children: { ffffffffffffffff: file("/0/removed_members/ffffffffffffffff", "") },
              },
              version: file("/0/version", "3.6.0"),
            },
          },
          "1": { Path: "/1", Children: {} },
        },
      },
      CurrentIndex: 2,
      CurrentVersion: 2,
    });
  });

  it("leaves out what there is none of", () => {
    const text = utf8Text(encodeV2Store({ members: [], removed: [], clusterVersion: undefined }));
    expect(JSON.parse(text)).toMatchObject({
      Root: { Children: { "0": { Children: { members: { Children: {} } } } } },
    });
    expect(text).not.toMatch(/removed_members|version"/);
  });
});
