#!/bin/sh
# Makes the certificates of these tests anew, valid for a hundred years: two authorities, and members signed by the first.
set -eu
cd "$(dirname "$0")"

authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key.pem"
  openssl req -x509 -new -key "$1.key.pem" -days 36500 -subj "/CN=$2" -out "$1.pem"
}

member() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key.pem"
  openssl req -new -key "$1.key.pem" -subj "/CN=$2" -out "$1.csr"
  printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n' >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key.pem" -CAcreateserial -days 36500 -extfile "$1.ext" -out "$1.pem"
  rm "$1.csr" "$1.ext" "$3.srl"
}

authority ca "Test authority"
authority other-ca "Another authority"
member member member-1 ca
member member-new member-1-new ca
member stranger stranger other-ca
rm ca.key.pem other-ca.key.pem
