package outbound

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Exception is a host or a network that the operator allows beside the public internet, by http also.
type Exception struct {
	host    string // lower case; empty for a network
	port    uint16 // 0 = any
	network netip.Prefix
}

// ParseExceptions reads a list with commas: host, host:port, address, [address]:port or network in CIDR form.
func ParseExceptions(text string) ([]Exception, error) {
	var all []Exception
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		one, err := parseException(part)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func parseException(text string) (Exception, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() {
			return Exception{}, fmt.Errorf("%.80q is not a network, as 10.1.0.0/16", text)
		}
		return Exception{network: network}, nil
	}
	host, port := text, uint64(0)
	if i := strings.LastIndexByte(text, ':'); i >= 0 && (strings.Count(text, ":") == 1 || strings.HasPrefix(text, "[") && text[i-1] == ']') {
		var err error
		if port, err = strconv.ParseUint(text[i+1:], 10, 16); err != nil || port == 0 {
			return Exception{}, fmt.Errorf("%.80q has no port from 1 to 65535", text)
		}
		host = text[:i]
	}
	host = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), "."))
	if _, err := readHost(host); err != nil {
		return Exception{}, fmt.Errorf("%.80q is not host, host:port or network", text)
	}
	return Exception{host: host, port: uint16(port)}, nil
}

func (g *Guard) allowsHost(host string, port uint16) bool {
	return slices.ContainsFunc(g.Allow, func(e Exception) bool { return e.host == host && (e.port == 0 || e.port == port) })
}

// inside reports whether an address is in a network that the operator allows.
func (g *Guard) inside(address netip.Addr) bool {
	return slices.ContainsFunc(g.Allow, func(e Exception) bool { return e.host == "" && e.network.Contains(address) })
}

// mayBeInside is inside for an address that may not be known yet.
func (g *Guard) mayBeInside(address netip.Addr) bool {
	if address.IsValid() {
		return g.inside(address)
	}
	return slices.ContainsFunc(g.Allow, func(e Exception) bool { return e.host == "" })
}
