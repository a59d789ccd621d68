import type { EtcdApi, EtcdCredentials, EtcdMemberClient, KubeApi } from "../../../src/core/index.ts";

/** What may happen around one call of the operator. */
export interface CallHook {
  /** Before the call is sent. Throws to have it not sent. */
  before(call: string): void;
  /** After it was carried out. Throws to have its answer lost. */
  after(call: string): void;
}

/** The operator's own death: nothing in it catches this and goes on, since every call after it throws the same. */
export class Killed extends Error {
  override readonly name = "Killed";
}

async function around<T>(hook: CallHook, call: string, run: () => Promise<T>): Promise<T> {
  hook.before(call);
  const result = await run();
  hook.after(call);
  return result;
}

/** The Kubernetes API with something happening around every call. */
export function mortalApi(api: KubeApi, hook: CallHook): KubeApi {
  return {
    get: (resource, key) => around(hook, `get ${resource.kind} ${key.name}`, () => api.get(resource, key)),
    list: (resource, namespace, labels) =>
      around(hook, `list ${resource.kind}`, () => api.list(resource, namespace, labels)),
    create: (resource, object) =>
      around(hook, `create ${resource.kind} ${object.metadata.name}`, () => api.create(resource, object)),
    apply: (resource, object, manager) =>
      around(hook, `apply ${resource.kind} ${object.metadata.name}`, () => api.apply(resource, object, manager)),
    patch: (resource, key, patch) =>
      around(hook, `patch ${resource.kind} ${key.name}`, () => api.patch(resource, key, patch)),
    patchStatus: (resource, key, status, preconditions) =>
      around(hook, `status ${resource.kind} ${key.name}`, () => api.patchStatus(resource, key, status, preconditions)),
    delete: (resource, key, options) =>
      around(hook, `delete ${resource.kind} ${key.name}`, () => api.delete(resource, key, options)),
    evict: (pod, preconditions) => around(hook, `evict Pod ${pod.name}`, () => api.evict(pod, preconditions)),
  };
}

/** The members' API, likewise. `connect` throws where no connection comes about. */
export function mortalEtcd(
  etcd: EtcdApi,
  hook: CallHook,
  connect: (member: string, credentials: EtcdCredentials | undefined) => void,
): EtcdApi {
  return {
    member: (url: string, credentials: EtcdCredentials | undefined): EtcdMemberClient => {
      const client = etcd.member(url, credentials);
      const host = /\/\/([^.]+)/.exec(url)?.[1] ?? url;
      const call = <T>(name: string, run: () => Promise<T>): Promise<T> =>
        around(hook, `${name} of ${host}`, async () => {
          connect(host, credentials);
          return await run();
        });
      return {
        status: () => call("status", () => client.status()),
        memberList: (linearizable) =>
          call(linearizable ? "memberList" : "localList", () => client.memberList(linearizable)),
        linearizableRead: () => call("read", () => client.linearizableRead()),
        addLearner: (peerUrl) => call("addLearner", () => client.addLearner(peerUrl)),
        promote: (id) => call("promote", () => client.promote(id)),
        removeMember: (id) => call("removeMember", () => client.removeMember(id)),
        moveLeader: (id) => call("moveLeader", () => client.moveLeader(id)),
        defragment: (timeoutMs) => call("defragment", () => client.defragment(timeoutMs)),
        alarms: () => call("alarms", () => client.alarms()),
        disarm: (alarm) => call("disarm", () => client.disarm(alarm)),
        compact: (revision) => call("compact", () => client.compact(revision)),
        hashKv: (revision) => call("hashKv", () => client.hashKv(revision)),
        isAuthEnabled: () => call("isAuthEnabled", () => client.isAuthEnabled()),
        enableAuth: (password) => call("enableAuth", () => client.enableAuth(password)),
        disableAuth: () => call("disableAuth", () => client.disableAuth()),
      };
    },
  };
}
