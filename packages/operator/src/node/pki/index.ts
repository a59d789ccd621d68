export { plainHost, X509CertificateMaker } from "./x509-certificate-maker.ts";
