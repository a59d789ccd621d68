/** The library that makes certificates, loaded by the first who needs it. */
export async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  // What it builds on asks for this before anything else.
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}
