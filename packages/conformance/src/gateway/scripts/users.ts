import { base64, type GatewayScript } from "../step.ts";

const KEY = base64("u/a");

/** `Auth`: users and roles while it is off, then what tokens may do, then off again. */
export const users: GatewayScript = async ({ ask }) => {
  await ask("status", "/v3/auth/status", {});
  await ask("authenticate while off", "/v3/auth/authenticate", { name: "root", password: "r" });
  await ask("enable without root", "/v3/auth/enable", "");
  for (const name of ["root", "ann"]) await ask(`add ${name}`, "/v3/auth/user/add", { name, password: name });
  await ask("add without a password", "/v3/auth/user/add", { name: "cn", options: { no_password: true } });
  await ask("add nobody", "/v3/auth/user/add", {});
  await ask("add ann again", "/v3/auth/user/add", { name: "ann", password: "x" });
  for (const name of ["root", "reader"]) await ask(`add role ${name}`, "/v3/auth/role/add", { name });
  await ask("add the role again", "/v3/auth/role/add", { name: "reader" });
  const perm = { permType: "READ", key: base64("u/"), range_end: base64("u0") };
  await ask("grant a range", "/v3/auth/role/grant", { name: "reader", perm });
  await ask("grant a key", "/v3/auth/role/grant", { name: "reader", perm: { permType: 2, key: base64("w") } });
  await ask("grant to nobody", "/v3/auth/role/grant", { name: "none", perm });
  await ask("role", "/v3/auth/role/get", { role: "reader" });
  await ask("no role", "/v3/auth/role/get", { role: "none" });
  await ask("roles", "/v3/auth/role/list", {});
  await ask("give root", "/v3/auth/user/grant", { user: "root", role: "root" });
  await ask("give ann", "/v3/auth/user/grant", { user: "ann", role: "reader" });
  await ask("give what is none", "/v3/auth/user/grant", { user: "ann", role: "none" });
  await ask("user", "/v3/auth/user/get", { name: "ann" });
  await ask("no user", "/v3/auth/user/get", { name: "none" });
  await ask("users", "/v3/auth/user/list", {});
  await ask("put before", "/v3/kv/put", { key: KEY, value: KEY });
  await ask("enable", "/v3/auth/enable", {});
  await ask("status while on", "/v3/auth/status", {});
  await withTokens(ask);
  await ask("status when off", "/v3/auth/status", {});
};

async function withTokens(ask: Parameters<GatewayScript>[0]["ask"]): Promise<void> {
  const read = { key: KEY };
  await ask("wrong password", "/v3/auth/authenticate", { name: "ann", password: "wrong" });
  await ask("password of one without", "/v3/auth/authenticate", { name: "cn", password: "x" });
  const { token: ann } = await ask("authenticate ann", "/v3/auth/authenticate", { name: "ann", password: "ann" });
  const { token: root } = await ask("authenticate root", "/v3/auth/authenticate", { name: "root", password: "root" });
  const asAnn = { headers: { Authorization: String(ann) } };
  const asRoot = { headers: { Authorization: String(root) } };
  await ask("read as nobody", "/v3/kv/range", read);
  await ask("read with a wrong token", "/v3/kv/range", read, { headers: { Authorization: "wrong.1" } });
  await ask("read as ann", "/v3/kv/range", read, asAnn);
  await ask("read as ann by metadata", "/v3/kv/range", read, { headers: { "Grpc-Metadata-Token": String(ann) } });
  await ask("read as a bearer", "/v3/kv/range", read, { headers: { Authorization: `Bearer ${String(ann)}` } });
  await ask("read too much as ann", "/v3/kv/range", { key: "AA==", range_end: "AA==" }, asAnn);
  await ask("put as ann", "/v3/kv/put", { ...read, value: KEY }, asAnn);
  await ask("users as ann", "/v3/auth/user/list", {}, asAnn);
  await ask("put as root", "/v3/kv/put", { ...read, value: KEY }, asRoot);
  await ask("change a password", "/v3/auth/user/changepw", { name: "ann", password: "new" }, asRoot);
  await ask("read with the token of before", "/v3/kv/range", read, asAnn);
  await ask(
    "revoke a range",
    "/v3/auth/role/revoke",
    { role: "reader", key: base64("u/"), range_end: base64("u0") },
    asRoot,
  );
  await ask("revoke it again", "/v3/auth/role/revoke", { role: "reader", key: base64("u/") }, asRoot);
  await ask("take the role", "/v3/auth/user/revoke", { name: "ann", role: "reader" }, asRoot);
  await ask("take it again", "/v3/auth/user/revoke", { name: "ann", role: "reader" }, asRoot);
  await ask("delete the role", "/v3/auth/role/delete", { role: "reader" }, asRoot);
  await ask("delete it again", "/v3/auth/role/delete", { role: "reader" }, asRoot);
  await ask("delete ann", "/v3/auth/user/delete", { name: "ann" }, asRoot);
  await ask("delete root", "/v3/auth/user/delete", { name: "root" }, asRoot);
  await ask("disable as nobody", "/v3/auth/disable", {});
  await ask("disable", "/v3/auth/disable", {}, asRoot);
}
