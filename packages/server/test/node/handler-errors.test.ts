import { describe, expect, it } from "@jest/globals";
import { InvariantError, NO_LOGGER } from "@quorate/base";
import { StorageError } from "@quorate/storage";
import { temporaryDirectory } from "@quorate/testkit";
import { observeHandlerErrors } from "../../src/node/handler-errors.ts";
import { b, refusal } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const INTERNAL = 13;
const damage = new StorageError("damaged", "a record does not match its checksum", {
  file: "db",
  remedy: "replace it",
});

describe("what a handler throws", () => {
  it("ends the member if the state can no longer be trusted, and else its call alone", () => {
    const fatal: Error[] = [];
    const paths: string[] = [];
    const observer = observeHandlerErrors({ callStarted: (path) => paths.push(path) }, NO_LOGGER, (error) =>
      fatal.push(error),
    );
    const broken = new InvariantError("a revision of the index is in the backend");
    observer.callStarted?.("/a.B/C", "unary");
    observer.handlerError?.("/a.B/C", new TypeError("a mistake of ours"));
    observer.handlerError?.("/a.B/C", "not even an error");
    observer.handlerError?.("", broken);
    expect(fatal).toEqual([]);
    observer.handlerError?.("/a.B/C", damage);
    observer.handlerError?.("/a.B/C", broken);

    expect(fatal).toEqual([damage, broken]);
    expect(paths).toEqual(["/a.B/C"]);
  });

  it("is not told to clients as an answer, nor passed over, when a record is damaged", async () => {
    using directory = temporaryDirectory("quorate-damage-", "memory");
    const node = await TestNode.start(directory.path);
    try {
      await node.client.put({ key: b("a"), value: b("v") });
      const { backend } = node.node.member.storage;
      backend.getRevision = () => {
        throw damage;
      };

      expect((await refusal(node.client.range({ key: b("a") }))).code).toBe(INTERNAL);
      expect(node.fatal).toEqual([damage]);
      expect(node.log.filter((line) => line.includes(damage.message)).length).toBe(1);
    } finally {
      await node.stop();
    }
  });
});
