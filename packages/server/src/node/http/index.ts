/** What the client URLs answer over HTTP/1: health, versions, metrics, debugging, the API as JSON. */
export { GATEWAY_LIMITS, Gateway, type GatewayLimits, type GatewayOptions } from "./gateway/index.ts";
export { createHttpHandler, type HttpHandler, type HttpHandlerOptions } from "./handler.ts";
export type { HealthSource, RaisedAlarm, ReadDone, Versions } from "./health-source.ts";
export { createHttpServer, HTTP_LIMITS, type HttpListener, type HttpListenOptions, listenHttp } from "./http-server.ts";
