export { Gateway, type GatewayOptions } from "./gateway.ts";
export { GATEWAY_LIMITS, type GatewayLimits } from "./gateway-limits.ts";
export { BEARER } from "./web-socket-headers.ts";
