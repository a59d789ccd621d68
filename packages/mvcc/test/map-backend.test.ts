import { describe, expect, it } from "@jest/globals";
import { type BackendFixture, backendContract } from "../src/testing/backend-contract.ts";
import { MapBackend } from "../src/testing/map-backend.ts";

function fixtureOf(backend: MapBackend): BackendFixture {
  return {
    backend,
    settle: () => backend.runScans(),
    reopen: () => fixtureOf(backend.copy()),
    close: () => undefined,
  };
}

backendContract("MapBackend", { describe, it, expect }, () => fixtureOf(new MapBackend()));
