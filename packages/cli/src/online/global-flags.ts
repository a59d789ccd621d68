import type { FlagSpec } from "../frame/flag-spec.ts";

/** The prefix of the variables that set global flags. */
export const ENVIRONMENT_PREFIX = "ETCDCTL";

/** Formats that --write-out takes. */
export const OUTPUT_FORMATS = ["fields", "json", "protobuf", "simple", "table"] as const;

/** The flags of all commands (CLI page, A1.2). */
export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  { name: "endpoints", kind: "strings", default: "127.0.0.1:2379", usage: "servers to talk to, separated by commas" },
  { name: "debug", kind: "bool", usage: "print the settings in force to standard error" },
  {
    name: "write-out",
    shorthand: "w",
    kind: "string",
    default: "simple",
    usage: "output format (fields, json, protobuf, simple, table)",
    choices: OUTPUT_FORMATS,
  },
  { name: "hex", kind: "bool", usage: "print keys, values and ids in hexadecimal" },
  { name: "dial-timeout", kind: "duration", usage: "time to get a connection (left out: --command-timeout)" },
  { name: "command-timeout", kind: "duration", default: "5s", usage: "time for a short command, without dialing" },
  { name: "keepalive-time", kind: "duration", default: "2s", usage: "idle time after which a connection is probed" },
  { name: "keepalive-timeout", kind: "duration", default: "6s", usage: "time for the answer to a probe" },
  { name: "max-request-bytes", kind: "int", usage: "largest request to send, in bytes (0: 2 MiB)" },
  { name: "max-recv-bytes", kind: "int", usage: "largest response to take, in bytes (0: 2 GiB)" },
  { name: "insecure-transport", kind: "bool", default: "true", usage: "do without TLS unless an endpoint is https://" },
  { name: "insecure-discovery", kind: "bool", default: "true", usage: "take endpoints without TLS from SRV records" },
  { name: "insecure-skip-tls-verify", kind: "bool", usage: "do not check the server's certificate (for tests only)" },
  { name: "cert", kind: "string", usage: "file with the client's certificate" },
  { name: "key", kind: "string", usage: "file with the key of the client's certificate" },
  { name: "cacert", kind: "string", usage: "file with the certificates that servers are checked against" },
  { name: "auth-jwt-token", kind: "string", usage: "token to send instead of --user and --password" },
  {
    name: "user",
    kind: "string",
    usage: "name or name:password to authenticate with; asks for a password without one",
  },
  { name: "password", kind: "string", usage: "password for --user, which is the bare name then" },
  { name: "discovery-srv", shorthand: "d", kind: "string", usage: "domain whose SRV records name the endpoints" },
  { name: "discovery-srv-name", kind: "string", usage: "suffix of the service name in those SRV records" },
];
