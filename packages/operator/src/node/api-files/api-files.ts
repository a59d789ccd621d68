import { stringify } from "yaml";
import {
  CHART_VALUES,
  DEFINITIONS,
  GROUP,
  jsonSchema,
  resourceDefinition,
  type Schema,
  withoutValidations,
} from "../../core/index.ts";
import { chartRules } from "./alert-rules.ts";
import { fieldTable } from "./field-table.ts";
import { valuesFile } from "./values-file.ts";

const SOURCE = "Generated from packages/operator/src/core/api by `npm run generate:api`; changes here are lost.";

/** Reads a file of the repository, by its path from the root. */
export type ReadText = (path: string) => string;

/** Every file that is generated from the schema of the kinds: text by path from the repository's root. */
export function apiFiles(read: ReadText): ReadonlyMap<string, string> {
  return new Map([...definitionFiles(), ...chartFiles(read), ...documentFiles(read)]);
}

function definitionFiles(): readonly [string, string][] {
  return DEFINITIONS.flatMap((definition): [string, string][] => {
    const name = `${GROUP}_${definition.plural}.yaml`;
    const crd = resourceDefinition(definition);
    return [
      [`charts/quorate-operator/crds-src/${name}`, yaml(crd)],
      [`charts/quorate-operator/crds-src/without-rules/${name}`, yaml(withoutValidations(crd))],
    ];
  });
}

const CHART = "charts/quorate-cluster";

function chartFiles(read: ReadText): readonly [string, string][] {
  const schema = { $schema: "http://json-schema.org/draft-07/schema#", title: "Values", ...jsonSchema(CHART_VALUES) };
  return [
    [`${CHART}/values.schema.json`, `${JSON.stringify(schema, null, 1)}\n`],
    [`${CHART}/values.yaml`, `# ${SOURCE}\n\n${valuesFile(CHART_VALUES)}\n`],
    [`${CHART}/files/alerts.yaml`, `# ${SOURCE}\n${chartRules(read("dashboards/alerts.yaml"))}`],
    [`${CHART}/files/dashboard.json`, read("dashboards/grafana.json")],
  ];
}

function documentFiles(read: ReadText): readonly [string, string][] {
  const kinds = DEFINITIONS.flatMap(({ kind, description, spec, status }) => [
    `## ${kind}\n\n${description}`,
    `### ${kind} spec\n\n${fieldTable(spec)}`,
    `### ${kind} status\n\n${fieldTable(status)}`,
  ]);
  const units = "A duration is written as `90s`, `1h30m` or `100ms`, a quantity as in Kubernetes (`8Gi`).";
  const reference = [
    "# Fields of the operator's kinds",
    `${SOURCE} See [the operator](../operator.md).`,
    units,
    ...kinds,
  ];
  const readme = `${CHART}/README.md`;
  return [
    ["docs/generated/operator-fields.md", `${reference.join("\n\n")}\n`],
    [readme, withTable(read(readme), CHART_VALUES)],
  ];
}

/** The document with the table between its lines `<!-- fields -->` and `<!-- end -->`. */
function withTable(document: string, schema: Schema): string {
  return document.replace(
    /(<!-- fields -->\n)[\s\S]*?(<!-- end -->)/,
    (_whole, begin: string, end: string) => `${begin}\n${fieldTable(schema)}\n\n${end}`,
  );
}

function yaml(value: object): string {
  return `# ${SOURCE}\n${stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, compat: "yaml-1.1" })}`;
}
