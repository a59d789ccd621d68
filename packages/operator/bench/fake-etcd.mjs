/** Members that exist as soon as somebody asks them: enough of etcd for a controller to bring clusters to where nothing is left to do. */
export class FakeEtcd {
  #clusters = new Map();
  #nextId = 1;

  member(clientUrl) {
    const { hostname } = new URL(clientUrl);
    const [member, service, namespace] = hostname.split(".");
    const peerUrl = `https://${hostname}:2380`;
    const key = `${namespace}/${service}`;
    const cluster = () => {
      let found = this.#clusters.get(key);
      if (found === undefined) {
        found = { id: this.#id(), revision: 1, members: [this.#entry(peerUrl, false)] };
        this.#clusters.set(key, found);
      }
      const own = found.members.find(({ peerUrls }) => peerUrls[0] === peerUrl);
      if (own === undefined) throw Object.assign(new Error("removed"), { name: "EtcdCallError", code: "Unreachable" });
      own.name = member;
      own.clientUrls = [clientUrl];
      return { found, own };
    };
    const list = ({ found, own }) => ({
      clusterId: found.id,
      memberId: own.id,
      members: structuredClone(found.members),
    });
    const byId = ({ found }, id) => found.members.find((each) => each.id === id);
    return {
      status: async () => {
        const { found, own } = cluster();
        return {
          clusterId: found.id,
          memberId: own.id,
          leaderId: found.members[0].id,
          raftTerm: 2,
          raftIndex: 100,
          appliedIndex: 100,
          isLearner: own.isLearner,
          revision: found.revision,
          version: "3.7.1",
          dbSize: 1 << 20,
          dbSizeInUse: 1 << 20,
          quota: 2 ** 31,
          errors: [],
        };
      },
      memberList: async () => list(cluster()),
      linearizableRead: async () => cluster().found.revision,
      addLearner: async (url) => {
        const entry = this.#entry(url, true);
        cluster().found.members.push(entry);
        return entry.id;
      },
      promote: async (id) => {
        byId(cluster(), id).isLearner = false;
      },
      removeMember: async (id) => {
        const { found } = cluster();
        found.members = found.members.filter((each) => each.id !== id);
      },
      moveLeader: async () => {},
      defragment: async () => {},
      alarms: async () => [],
      disarm: async () => {},
      compact: async () => {},
      hashKv: async () => ({ hash: 1, compactRevision: 0 }),
    };
  }

  #entry(peerUrl, isLearner) {
    return { id: this.#id(), name: "", peerUrls: [peerUrl], clientUrls: [], isLearner };
  }

  #id() {
    return (0x1000_0000 + this.#nextId++).toString(16);
  }
}
