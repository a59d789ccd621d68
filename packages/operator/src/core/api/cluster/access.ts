import { duration, flag, integer, list, oneOf, section, text } from "../schema/build.ts";
import { annotations, labels } from "./maps.ts";

// How clients and monitoring reach members.

export const service = section("The Service that clients use.", {
  type: oneOf("Type of the Service.", ["ClusterIP", "NodePort", "LoadBalancer"], { default: "ClusterIP" }),
  annotations: annotations("Annotations for the Service."),
  labels: labels("Labels for the Service."),
  ipFamilyPolicy: oneOf(
    "How many address families it has.",
    ["SingleStack", "PreferDualStack", "RequireDualStack"],
    {},
  ),
  ipFamilies: list(
    "Its address families, first the main one.",
    oneOf("Family.", ["IPv4", "IPv6"], { required: true }),
    {
      maxItems: 2,
      set: true,
    },
  ),
  loadBalancerClass: text("Class of the load balancer.", { maxLength: 253 }),
});

export const metrics = section("Metrics and health, over plain HTTP on a port of their own.", {
  enabled: flag("Whether a PodMonitor may be made and metrics are named in the Pods' annotations.", { default: true }),
  port: integer("Port of metrics and health.", { default: 2381, min: 1024, max: 65535 }),
  level: oneOf("How much is measured.", ["Basic", "Extensive"], { default: "Basic" }),
  podMonitor: section("A PodMonitor for the Prometheus operator, where its kinds are installed.", {
    enabled: flag("Whether there is one.", { default: false }),
    labels: labels("Labels that the Prometheus selects monitors by."),
    interval: duration("How often metrics are read.", { default: "30s" }),
  }),
});
