import { base64, type GatewayScript } from "../step.ts";

/** `Lock` and `Election`, with leases that the script names. */
export const recipes: GatewayScript = async ({ ask, open }) => {
  const name = base64("lock");
  for (const ID of ["91", "92"]) await ask(`grant ${ID}`, "/v3/lease/grant", { ID, TTL: "1000" });
  const locked = await ask("lock", "/v3/lock/lock", { name, lease: "91" });
  await ask("lock again", "/v3/lock/lock", { name, lease: "91" });
  await ask("wait for the lock", "/v3/lock/lock", { name, lease: "92" }, { headers: { "Grpc-Timeout": "200m" } });
  await ask("unlock", "/v3/lock/unlock", { key: locked["key"] });
  await ask("unlock nothing", "/v3/lock/unlock", {});

  const election = base64("election");
  await ask("no leader", "/v3/election/leader", { name: election });
  const { leader } = await ask("campaign", "/v3/election/campaign", {
    name: election,
    lease: "91",
    value: base64("a"),
  });
  const observed = open("observe", "/v3/election/observe");
  observed.send({ name: election });
  // A method with one request is called once its body has ended.
  observed.end();
  await observed.lines(1);
  await ask("leader", "/v3/election/leader", { name: election });
  await ask("proclaim", "/v3/election/proclaim", { leader, value: base64("b") });
  await observed.lines(1);
  await ask("leader after", "/v3/election/leader", { name: election });
  await ask("proclaim nothing", "/v3/election/proclaim", {});
  await ask("resign", "/v3/election/resign", { leader });
  await ask("resign again", "/v3/election/resign", { leader });
  await ask("proclaim as nobody", "/v3/election/proclaim", { leader, value: base64("c") });
  observed.close();
  for (const ID of ["91", "92"]) await ask(`revoke ${ID}`, "/v3/lease/revoke", { ID });
};
