import type { TlsProbe } from "../../core/index.ts";
import { createClusterController } from "../cluster/index.ts";
import type { Controller, ControllerDeps } from "../runtime/index.ts";
import { createBackupController, createRestoreController, createScheduleController } from "../snapshots/index.ts";

/** Every controller of the operator. `probe`: in place of the one that looks at real listeners. */
export function createControllers(deps: ControllerDeps, probe?: TlsProbe): readonly Controller[] {
  return [
    createClusterController(deps, undefined, undefined, probe),
    createBackupController(deps),
    createScheduleController(deps),
    createRestoreController(deps),
  ];
}
