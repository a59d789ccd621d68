export { ControlPlane } from "./control-plane.ts";
