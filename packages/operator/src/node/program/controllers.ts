import { createClusterController } from "../cluster/index.ts";
import type { Controller, ControllerDeps } from "../runtime/index.ts";
import { createBackupController, createRestoreController, createScheduleController } from "../snapshots/index.ts";

/** Every controller of the operator. */
export function createControllers(deps: ControllerDeps): readonly Controller[] {
  return [
    createClusterController(deps),
    createBackupController(deps),
    createScheduleController(deps),
    createRestoreController(deps),
  ];
}
