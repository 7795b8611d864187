package outbound

import "net/netip"

// notPublic are the IPv4 networks of the IANA special-purpose registry that are no destinations on the internet, and one metadata
// service that is at a public address.
var notPublic = networks(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carrier-grade NAT; Alibaba's metadata service
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // Azure's wire server
	"169.254.0.0/16",   // link-local; metadata services
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; Oracle's metadata service
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
)

// Of IPv6 only global unicast is public, and of that not what leads to IPv4 by translation or is no destination. Loopback, mapped
// and NAT64 (64:ff9b::/96) addresses, unique-local, link-local and multicast ones are outside.
var (
	globalUnicast    = netip.MustParsePrefix("2000::/3")
	notGlobalUnicast = networks(
		"2001::/23",     // protocol assignments: Teredo, ORCHID, benchmarks
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4
		"3fff::/20",     // documentation
	)
)

func networks(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func isPublic(address netip.Addr) bool {
	if address.Is4() {
		return !contains(notPublic, address)
	}
	return globalUnicast.Contains(address) && !contains(notGlobalUnicast, address)
}

func contains(all []netip.Prefix, address netip.Addr) bool {
	for _, network := range all {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
