"use strict";
/**
 * Loaded into each Node.js process that the test kubelet starts. Pods share the machine's loopback, each with an address of
 * its own; this gives a process the picture that it has in a real Pod: what it opens on all addresses or on localhost is
 * its own, localhost is itself, and others see its connections come from its own address.
 */
const net = require("node:net");

const own = process.env.TEST_POD_ADDRESS;
const apiPort = Number(process.env.KUBERNETES_SERVICE_PORT);
const EVERYWHERE = new Set([undefined, null, "", "0.0.0.0", "::", "[::]", "localhost", "127.0.0.1", "::1"]);
const ITSELF = new Set(["localhost", "127.0.0.1", "::1"]);

function patchListen() {
  const server = net.Server.prototype;
  const original = Reflect.get(server, "listen");
  server.listen = function listenInPod(...args) {
    const [first, second] = args;
    if (typeof first === "object" && first !== null && "port" in first) {
      if (EVERYWHERE.has(first.host)) args[0] = { ...first, host: own };
    } else if (typeof first === "number" || (typeof first === "string" && /^\d+$/.test(first))) {
      if (typeof second === "string") {
        if (EVERYWHERE.has(second)) args[1] = own;
      } else args.splice(1, 0, own);
    }
    return Reflect.apply(original, this, args);
  };
}

function patchConnect() {
  const socket = net.Socket.prototype;
  const original = Reflect.get(socket, "connect");
  socket.connect = function connectFromPod(...args) {
    // An array in the first place is how Node.js passes on arguments that it has sorted already.
    const sorted = Array.isArray(args[0]);
    const options = sorted ? args[0][0] : args[0];
    if (typeof options === "object" && options !== null && options.port !== undefined && !options.path) {
      const changed = { ...options };
      const isApi = Number(options.port) === apiPort;
      if (ITSELF.has(options.host) || options.host === undefined) {
        if (!isApi) changed.host = own;
      }
      if (changed.localAddress === undefined && !isApi) changed.localAddress = own;
      if (sorted) args[0][0] = changed;
      else args[0] = changed;
    }
    return Reflect.apply(original, this, args);
  };
}

if (own !== undefined) {
  patchListen();
  patchConnect();
}
