/** What the client URLs answer over HTTP/1: health, versions, metrics, debugging. */
export { createHttpHandler, type HttpHandler, type HttpHandlerOptions } from "./handler.ts";
export type { HealthSource, RaisedAlarm, ReadDone, Versions } from "./health-source.ts";
export { createHttpServer, HTTP_LIMITS, type HttpListener, listenHttp } from "./http-server.ts";
