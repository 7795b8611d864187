package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// hyphenatedID is a certificate ID that a parser of flags would take for some of them: one in 64 begins with a hyphen.
var hyphenatedID = regexp.MustCompile(`^-[A-Za-z0-9_-]{42}$`)

// protectIDs moves such IDs behind "--", where arguments are taken as they are. One that is the value of a flag stays.
func protectIDs(root *cobra.Command, args []string) []string {
	end := slices.Index(args, "--")
	if end < 0 {
		end = len(args)
	}
	var flags, ids []string
	for i, arg := range args[:end] {
		if hyphenatedID.MatchString(arg) && (i == 0 || !takesValue(root, args, args[i-1])) {
			ids = append(ids, arg)
			continue
		}
		flags = append(flags, arg)
	}
	if len(ids) == 0 {
		return args
	}
	behind := args[end:]
	if len(behind) > 0 {
		behind = behind[1:]
	}
	return slices.Concat(flags, []string{"--"}, ids, behind)
}

// takesValue reports whether what stands behind an argument is its value.
func takesValue(root *cobra.Command, args []string, arg string) bool {
	name, long := strings.CutPrefix(arg, "--")
	if !long || strings.Contains(name, "=") {
		return false
	}
	cmd, _, err := root.Find(args)
	if err != nil {
		return true
	}
	flag := cmd.Flag(name)
	return flag == nil || flag.NoOptDefVal == ""
}
