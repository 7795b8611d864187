package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// digest stands for rows in the record, which must not hold business data (A10).
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
