export { createClusterController } from "./cluster-controller.ts";
