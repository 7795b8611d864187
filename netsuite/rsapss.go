package netsuite

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
)

// RSA keys may carry the OID id-RSASSA-PSS, which says that they are for PSS alone and may limit its parameters (RFC 4055
// section 1.2). Package crypto/x509 leaves such keys unread. The numbers inside are those of any RSA key.

var (
	oidRSASSAPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidSHA256    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

var errPSSLimits = errors.New("holds an RSA-PSS key that is limited to other parameters than those of PS256 (SHA-256, MGF1 with SHA-256, salt of 32 bytes); " +
	"make one without limits, and a certificate for it: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem")

// parsePKCS8 reads what x509.ParsePKCS8PrivateKey reads, and RSA keys with the OID id-RSASSA-PSS.
func parsePKCS8(der []byte) (any, error) {
	var info struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		PrivateKey []byte
		Attributes asn1.RawValue `asn1:"optional"` // RFC 5208 section 5; after it RFC 5958 has more
	}
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidRSASSAPSS) {
		return x509.ParsePKCS8PrivateKey(der)
	}
	if err := checkPSSParameters(info.Algorithm.Parameters); err != nil {
		return nil, err
	}
	return x509.ParsePKCS1PrivateKey(info.PrivateKey)
}

// parsePSSPublicKey reads a SubjectPublicKeyInfo with the OID id-RSASSA-PSS.
func parsePSSPublicKey(spki []byte) (*rsa.PublicKey, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(spki, &info); err != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidRSASSAPSS) {
		return nil, errKey
	}
	if err := checkPSSParameters(info.Algorithm.Parameters); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign())
	if err != nil {
		return nil, errKey
	}
	return key, nil
}

// checkPSSParameters refuses limits that PS256 does not keep; this package signs nothing else with an RSA key. Absent
// parameters limit nothing. In parameters that are there, what is left out means SHA-1, and the salt length is the least one
// (RFC 4055 sections 3.1 and 3.3).
func checkPSSParameters(raw asn1.RawValue) error {
	if len(raw.FullBytes) == 0 || raw.Tag == asn1.TagNull {
		return nil
	}
	var limits struct {
		Hash    pkix.AlgorithmIdentifier `asn1:"explicit,tag:0,optional"`
		MGF     pkix.AlgorithmIdentifier `asn1:"explicit,tag:1,optional"`
		Salt    int                      `asn1:"explicit,tag:2,optional,default:20"`
		Trailer int                      `asn1:"explicit,tag:3,optional,default:1"`
	}
	if rest, err := asn1.Unmarshal(raw.FullBytes, &limits); err != nil || len(rest) > 0 {
		return errPSSLimits
	}
	var mgfHash pkix.AlgorithmIdentifier
	if _, err := asn1.Unmarshal(limits.MGF.Parameters.FullBytes, &mgfHash); err != nil {
		return errPSSLimits
	}
	fits := limits.Hash.Algorithm.Equal(oidSHA256) && limits.MGF.Algorithm.Equal(oidMGF1) && mgfHash.Algorithm.Equal(oidSHA256)
	if !fits || limits.Salt < 0 || limits.Salt > 32 || limits.Trailer != 1 {
		return errPSSLimits
	}
	return nil
}
