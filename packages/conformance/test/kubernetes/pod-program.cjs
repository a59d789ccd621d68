"use strict";
/** What the Pods of the harness's own test run: a web server that tells what it sees, or a small job. */
const { readFileSync, writeFileSync, existsSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const os = require("node:os");

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

function callApi(path) {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  const options = {
    host,
    port,
    path,
    ca: readFileSync(`${ACCOUNT}/ca.crt`),
    headers: { authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, "utf8")}` },
  };
  return new Promise((resolve, reject) => {
    https.get(options, (response) => resolve(response.resume().statusCode)).on("error", reject);
  });
}

function fetchText(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(text));
      })
      .on("error", reject);
  });
}

const answers = {
  "/ready": async () => "ready",
  "/env": async () => JSON.stringify(process.env),
  "/file": async (url) => readFileSync(url.searchParams.get("path"), "utf8"),
  "/peer": async (url) => fetchText(url.searchParams.get("url")),
  "/you": async (_, request) => request.socket.remoteAddress,
  "/hostname": async () => os.hostname(),
  "/api": async (url) => String(await callApi(url.searchParams.get("path"))),
  "/write": async (url) => {
    writeFileSync(url.searchParams.get("path"), "written");
    return "ok";
  },
  "/exit": async (url) => process.exit(Number(url.searchParams.get("code"))),
};

function serve(port) {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, "http://pod");
    answers[url.pathname](url, request).then(
      (text) => response.end(text),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(port, () => console.log(`listens as ${os.hostname()}`));
  process.on("SIGTERM", () => {
    console.log("asked to end");
    process.exit(0);
  });
}

const [, , what, argument] = process.argv;
if (what === "serve") serve(Number(argument));
else if (what === "mark") {
  // Counts its own runs in a file: a job that fails the first time.
  const runs = existsSync(argument) ? Number(readFileSync(argument, "utf8")) + 1 : 1;
  writeFileSync(argument, String(runs));
  console.log(`run ${runs}`);
  process.exit(runs > 1 ? 0 : 3);
}
