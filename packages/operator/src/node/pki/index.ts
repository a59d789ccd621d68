export { SocketTlsProbe } from "./socket-tls-probe.ts";
export { plainHost, X509CertificateMaker } from "./x509-certificate-maker.ts";
