package httpapi

import "encoding/json"

// plainJSON marks the characters that JSON and HTML take as they are.
var plainJSON = func() (plain [256]bool) {
	for c := byte(0x20); c < 0x7f; c++ {
		plain[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return plain
}()

// appendJSON writes a string as JSON. Tokens, scopes and addresses need no escaping; the standard encoder does what does.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if !plainJSON[s[i]] {
			escaped, _ := json.Marshal(s) // a string always encodes
			return append(b, escaped...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
