import { prefixEnd } from "@quorate/base";
import {
  type AuthRoleGetResponse,
  AuthRoleGetResponseDescriptor,
  type AuthRoleListResponse,
  AuthRoleListResponseDescriptor,
  type AuthStatusResponse,
  AuthStatusResponseDescriptor,
  type AuthUserGetResponse,
  AuthUserGetResponseDescriptor,
  type AuthUserListResponse,
  AuthUserListResponseDescriptor,
  type MessageDescriptor,
  type Permission,
  PermissionType,
  type ResponseHeader,
} from "@quorate/protocol";
import { goQuote } from "../go/go-quote.ts";
import type { Page } from "./page.ts";
import { headerFields } from "./parts.ts";
import { messageReport, type Report } from "./report.ts";

const ROOT_ROLE = "root";

/** Of a change that is told in one line and whose answer is a header alone. */
export function doneReport<T extends { readonly header: ResponseHeader | undefined }>(
  descriptor: MessageDescriptor<T>,
  response: T,
  line: string,
): Report {
  return messageReport(descriptor, response, {
    simple: (page) => page.line(line),
    fields: (page, style) => headerFields(page, response.header, style),
  });
}

export function authStatusReport(response: AuthStatusResponse): Report {
  return messageReport(AuthStatusResponseDescriptor, response, {
    simple: (page) => {
      page.line(`Authentication Status: ${response.enabled}`);
      page.line(`AuthRevision: ${response.authRevision}`);
    },
  });
}

export function userGetReport(name: string, response: AuthUserGetResponse): Report {
  return messageReport(AuthUserGetResponseDescriptor, response, {
    simple: (page) => {
      page.line(`User: ${name}`);
      page.line(["Roles:", ...response.roles].join(" "));
    },
  });
}

export function userListReport(response: AuthUserListResponse): Report {
  return messageReport(AuthUserListResponseDescriptor, response, {
    simple: (page) => {
      for (const user of response.users) page.line(user);
    },
  });
}

export function roleListReport(response: AuthRoleListResponse): Report {
  return messageReport(AuthRoleListResponseDescriptor, response, {
    simple: (page) => {
      for (const role of response.roles) page.line(role);
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      page.line(['"Roles" :', ...response.roles.map((role) => goQuote(role))].join(" "));
    },
  });
}

export function roleGetReport(name: string, response: AuthRoleGetResponse): Report {
  return messageReport(AuthRoleGetResponseDescriptor, response, {
    simple: (page) => {
      page.line(`Role ${name}`);
      const isAlmighty = name === ROOT_ROLE && response.perm.length === 0;
      for (const [title, type] of [
        ["KV Read:", PermissionType.READ],
        ["KV Write:", PermissionType.WRITE],
      ] as const) {
        page.line(title);
        if (isAlmighty) page.line("\t[, <open ended>");
        for (const permission of response.perm) {
          const given = permission.permType === type || permission.permType === PermissionType.READWRITE;
          if (given) permissionLine(page, permission);
        }
      }
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      for (const permission of response.perm) {
        // Two spaces: so does etcdctl.
        page.line(`"PermType" :  ${permissionName(permission)}`);
        page.line(`"Key" : ${goQuote(permission.key)}`);
        page.line(`"RangeEnd" : ${goQuote(permission.rangeEnd)}`);
      }
    },
  });
}

/** `key`, `[a, b)` or `[a, <open ended>`, and the prefix that the range is of, if it is one. */
function permissionLine(page: Page, { key, rangeEnd }: Permission): void {
  page.text("\t");
  if (rangeEnd.length === 0) {
    page.bytes(key);
    page.line("");
    return;
  }
  const isOpenEnded = rangeEnd.length === 1 && rangeEnd[0] === 0;
  page.text("[");
  page.bytes(key);
  page.text(", ");
  if (isOpenEnded) page.text("<open ended>");
  else page.bytes(rangeEnd);
  if (!isOpenEnded) page.text(")");
  if (key.length > 0 && Buffer.compare(prefixEnd(key), rangeEnd) === 0) {
    page.text(" (prefix ");
    page.bytes(key);
    page.text(")");
  }
  page.line("");
}

function permissionName({ permType }: Permission): string {
  return Object.entries(PermissionType).find(([, number]) => number === permType)?.[0] ?? String(permType);
}
