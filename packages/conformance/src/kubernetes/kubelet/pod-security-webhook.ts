import { createServer, type Server } from "node:https";
import type { IssuedPair } from "@quorate/testkit";
import type { RestClient } from "../rest-client.ts";
import type { Pod } from "./pod.ts";
import { restrictedViolations } from "./pod-security.ts";

const LABEL = "pod-security.kubernetes.io/enforce";

interface Review {
  readonly apiVersion: string;
  readonly request: { readonly uid: string; readonly name?: string; readonly object: Pod };
}

/**
 * Stands for Pod Security Admission, which the API server at hand is too old for: refuses Pods that break the restricted
 * profile in namespaces with the label `pod-security.kubernetes.io/enforce: restricted`.
 */
export class PodSecurityWebhook {
  readonly #server: Server;

  private constructor(pair: IssuedPair) {
    this.#server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer(review)));
      });
    });
  }

  /** Listens on loopback and registers itself. `caPem` is the authority that certified the pair. */
  static async start(rest: RestClient, pair: IssuedPair, caPem: string): Promise<PodSecurityWebhook> {
    const webhook = new PodSecurityWebhook(pair);
    const port = await webhook.#listen();
    const registered = await rest.call(
      "POST",
      "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
      {
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: "ValidatingWebhookConfiguration",
        metadata: { name: "pod-security" },
        webhooks: [
          {
            name: "pod-security.test.local",
            admissionReviewVersions: ["v1"],
            sideEffects: "None",
            failurePolicy: "Fail",
            namespaceSelector: { matchLabels: { [LABEL]: "restricted" } },
            rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
            clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(caPem).toString("base64") },
          },
        ],
      },
    );
    if (registered.status !== 201) throw new Error(`webhook not registered: ${registered.body.message ?? ""}`);
    return webhook;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }
}

function answer({ apiVersion, request }: Review): object {
  const problems = restrictedViolations(request.object);
  const name = request.object.metadata.name ?? request.name ?? "";
  const message = `pods "${name}" is forbidden: violates PodSecurity "restricted:latest": ${problems.join(", ")}`;
  const refusal = { allowed: false, status: { code: 403, reason: "Forbidden", message } };
  const verdict = problems.length === 0 ? { allowed: true } : refusal;
  return { apiVersion, kind: "AdmissionReview", response: { uid: request.uid, ...verdict } };
}
