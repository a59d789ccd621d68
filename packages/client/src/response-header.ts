import { createResponseHeader, type ResponseHeader } from "@quorate/protocol";

/** A response with its header. */
export type WithHeader<Response> = Omit<Response, "header"> & { readonly header: ResponseHeader };

/** The same response; from servers that sent no header, as older ones do with some, one of zeros. */
export function withHeader<Response extends { readonly header: ResponseHeader | undefined }>(
  response: Response,
): WithHeader<Response> {
  return { ...response, header: response.header ?? createResponseHeader() };
}
