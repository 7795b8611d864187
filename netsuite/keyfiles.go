package netsuite

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// newKey is a command that makes a key which NetSuite takes.
const newKey = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"

// The kinds of files, named as PEM names its blocks. PKCS #12 has no such name.
const (
	kindCertificate  = "CERTIFICATE"
	kindRequest      = "CERTIFICATE REQUEST"
	kindPKCS8        = "PRIVATE KEY"
	kindPKCS1        = "RSA PRIVATE KEY"
	kindSEC1         = "EC PRIVATE KEY"
	kindEncryptedKey = "ENCRYPTED PRIVATE KEY"
	kindOpenSSH      = "OPENSSH PRIVATE KEY"
	kindPublicKey    = "PUBLIC KEY"
	kindRSAPublicKey = "RSA PUBLIC KEY"
	kindPKCS7        = "PKCS7"
	kindPKCS12       = "PKCS12"
	kindECParameters = "EC PARAMETERS" // openssl ecparam writes them before the key, which repeats them
)

var privateKeyKinds = []string{kindPKCS8, kindPKCS1, kindSEC1}

// What people hand in instead of a private key, and what to do about it.
var insteadOfKey = map[string]string{
	kindEncryptedKey:          "is encrypted with a password; decrypt it: openssl pkey -in FILE -out key.pem",
	kindOpenSSH:               "is in OpenSSH's own form; convert a copy of it in place: ssh-keygen -p -N '' -m PKCS8 -f COPY",
	kindPKCS12:                "is a PKCS #12 container (.p12, .pfx); take the key out: openssl pkcs12 -in FILE -nocerts -nodes -out key.pem",
	kindPKCS7:                 "is a PKCS #7 container (.p7b), which holds certificates alone; give the private key made for them",
	kindCertificate:           "is a certificate; give the private key that it was made for",
	kindRequest:               "is a request for a certificate; give the private key that it was made with",
	"NEW CERTIFICATE REQUEST": "is a request for a certificate; give the private key that it was made with",
	kindPublicKey:             "is a public key; give the private key that belongs to it",
	kindRSAPublicKey:          "is a public key; give the private key that belongs to it",
	kindECParameters:          "holds the parameters of a key and no key; make one: " + newKey,
	"DSA PRIVATE KEY":         "is a DSA key, which NetSuite does not take; make one: " + newKey,
}

// ParsePrivateKey reads the one private key of a file, in PEM or DER: PKCS #8 (also with the OID id-RSASSA-PSS, as the
// keys of Oracle's SuiteScript page have, H/section_0312092212), PKCS #1 or SEC 1, not encrypted. It checks that NetSuite takes the key
// (H/subsect_162755332391). The error says what a wrong file is instead and which command mends it; it holds nothing of the file.
func ParsePrivateKey(data []byte) (crypto.Signer, error) {
	const file = "private key file"
	block, err := onlyBlock(data, privateKeyKinds, "openssl pkey -in FILE -out key.pem")
	if err != nil {
		return nil, fmt.Errorf("%s %w; give one private key in PEM or DER form", file, err)
	}
	if block.Headers["DEK-Info"] != "" { // PEM's own encryption (RFC 1421), as old versions of OpenSSL wrote it
		block.Type = kindEncryptedKey
	}
	if what, wrong := insteadOfKey[block.Type]; wrong {
		return nil, fmt.Errorf("%s %s", file, what)
	}
	key, err := parseKeyBlock(block)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	if err := CheckKey(key.Public()); err != nil {
		return nil, fmt.Errorf("%s: %w, or with: %s", file, err, newKey)
	}
	return key, nil
}

func parseKeyBlock(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case kindPKCS8:
		key, err = parsePKCS8(block.Bytes)
	case kindPKCS1:
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case kindSEC1:
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("holds %.40q; give one private key in PEM or DER form", block.Type)
	}
	if errors.Is(err, errPSSLimits) {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok { // the parser's own words may quote numbers of the key
		return nil, errors.New("is damaged, or of a kind or curve that NetSuite does not take; see whether openssl pkey -in FILE -noout -text reads it, or make one: " + newKey)
	}
	return signer, nil
}

// EncodePrivateKeyPEM returns a private key as PKCS #8 in PEM, which ParsePrivateKey and OpenSSL read. A key of an HSM or a
// KMS stays where it is: that is an error.
func EncodePrivateKeyPEM(key crypto.Signer) (Secret, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Secret{}, fmt.Errorf("private key of type %T cannot be written to a file; it stays in the device or service that signs with it", key)
	}
	return NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: kindPKCS8, Bytes: der}))), nil
}

const maxFile = 64 << 10

// onlyBlock returns the one block of a PEM file, or the content of a binary file as if it had been one. A file that holds
// more is an error when one of the kinds wanted is in it, which extract is the command to take out; else its first block will
// tell what the file is.
func onlyBlock(data []byte, want []string, extract string) (*pem.Block, error) {
	if len(data) > maxFile {
		return nil, errors.New("is larger than 64 KiB")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // Windows editors write it before the text
	blocks := pemBlocks(data)
	if len(blocks) == 0 {
		return binaryBlock(data)
	}
	if len(blocks) > 1 {
		blocks = slices.DeleteFunc(blocks, func(b *pem.Block) bool { return b.Type == kindECParameters })
	}
	isWanted := func(b *pem.Block) bool { return slices.Contains(want, b.Type) }
	if len(blocks) > 1 && slices.ContainsFunc(blocks, isWanted) {
		return nil, fmt.Errorf("holds %d things, %.40q and %.40q among them; take one out: %s", len(blocks), blocks[0].Type, blocks[1].Type, extract)
	}
	if len(blocks) == 0 {
		return &pem.Block{Type: kindECParameters}, nil
	}
	return blocks[0], nil
}

func pemBlocks(data []byte) []*pem.Block {
	var blocks []*pem.Block
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return blocks
		}
		blocks, data = append(blocks, block), rest
	}
}

func binaryBlock(data []byte) (*pem.Block, error) {
	if kind := derKind(data); kind != "" {
		return &pem.Block{Type: kind, Bytes: data}, nil
	}
	text := bytes.TrimSpace(data)
	switch {
	case len(text) == 0:
		return nil, errors.New("is empty")
	case text[0] == '<':
		return nil, errors.New("is a web page")
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, errors.New("is text in UTF-16; save it as plain text")
	case data[0] == derSequence:
		return nil, errors.New("is binary and damaged, or of an unknown kind")
	case bytes.Contains(text, []byte("-----BEGIN")):
		return nil, errors.New("is PEM and damaged; copy it again, from -----BEGIN to -----END")
	}
	return nil, errors.New("is neither PEM, which begins with -----BEGIN, nor DER")
}

const derSequence = 0x30

// derKind recognises a binary file by the types of the members of its outermost SEQUENCE; "" when it is none of those known.
func derKind(der []byte) string {
	switch shape := derShape(der); {
	case shape == "SSB":
		if _, err := x509.ParseCertificateRequest(der); err == nil {
			return kindRequest
		}
		return kindCertificate // RFC 5280 section 4.1
	case strings.HasPrefix(shape, "ISO"):
		return kindPKCS8 // RFC 5208 section 5
	case shape == "IIIIIIIII":
		return kindPKCS1 // RFC 8017 appendix A.1.2
	case strings.HasPrefix(shape, "IO"):
		return kindSEC1 // RFC 5915 section 3
	case shape == "SO":
		return kindEncryptedKey // RFC 5208 section 6
	case shape == "SB":
		return kindPublicKey // RFC 5280 section 4.1
	case shape == "II":
		return kindRSAPublicKey // RFC 8017 appendix A.1.1
	case shape == "IS" || shape == "ISS":
		return kindPKCS12 // RFC 7292 section 4
	case strings.HasPrefix(shape, "D"):
		return kindPKCS7 // RFC 2315 section 7
	}
	return ""
}

const maxShape = 12

var tagLetters = map[int]byte{
	asn1.TagInteger: 'I', asn1.TagBitString: 'B', asn1.TagOctetString: 'O', asn1.TagOID: 'D', asn1.TagSequence: 'S',
}

// derShape writes one letter for each member of a SEQUENCE; "" when der is not one SEQUENCE.
func derShape(der []byte) string {
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || outer.Tag != asn1.TagSequence || outer.Class != asn1.ClassUniversal {
		return ""
	}
	var shape []byte
	for rest := outer.Bytes; len(rest) > 0 && len(shape) < maxShape; {
		var member asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &member); err != nil {
			return ""
		}
		letter, known := tagLetters[member.Tag]
		if !known || member.Class != asn1.ClassUniversal {
			letter = '?'
		}
		shape = append(shape, letter)
	}
	return string(shape)
}
