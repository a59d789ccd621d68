/** The library that reads and makes certificates; loaded by those who need it, as it takes a while. */
export async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  // What it builds on asks for this before anything else.
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}
