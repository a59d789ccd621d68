// Stands in for kubectl where no kubelet is: objects and ports come from the file that FAKE_KUBECTL names, calls are noted beside it.
const { appendFileSync, readFileSync } = require("node:fs");

const file = process.env.FAKE_KUBECTL;
const { objects, ports } = JSON.parse(readFileSync(file, "utf8"));
const args = process.argv.slice(2);
appendFileSync(`${file}.calls`, `${JSON.stringify(args)}\n`);
const words = args.filter((word) => !word.startsWith("-"));

function get([resource, name]) {
  const found = objects[`${resource}/${name}`];
  if (found !== undefined) process.stdout.write(JSON.stringify(found));
  else if (!args.includes("--ignore-not-found")) fail(`Error from server (NotFound): ${resource} "${name}" not found`);
}

function forward([pod]) {
  const port = ports[pod.replace("pod/", "")];
  if (port === undefined)
    return fail(`error: unable to forward port because pod is not running. Current status=Pending`);
  process.stdout.write(`Forwarding from 127.0.0.1:${port} -> 2379\n`);
  return setInterval(() => undefined, 1000);
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

if (words[0] === "get") get(words.slice(1));
else if (words[0] === "port-forward") forward(words.slice(1));
else if (words[0] === "logs") process.stdout.write(`log of ${words[1]}\n`);
else fail(`fake kubectl knows no ${words[0]}`);
