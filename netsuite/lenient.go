package netsuite

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The types of this file read JSON in every form in which NetSuite has been seen to send it.

// lenientInt reads a whole number, also as a string ("3600").
type lenientInt int64

func (n *lenientInt) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	if text[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is not a whole number", text)
	}
	*n = lenientInt(number)
	return nil
}

// lenientBool reads true and false, also as strings and in NetSuite's own T and F.
type lenientBool bool

func (b *lenientBool) UnmarshalJSON(data []byte) error {
	switch strings.ToLower(strings.Trim(string(data), `"`)) {
	case "true", "t":
		*b = true
	case "false", "f", "null", "":
		*b = false
	default:
		return fmt.Errorf("%.40q is neither true nor false", data)
	}
	return nil
}

// lenientStrings reads an array of strings, or one string separated by commas or spaces (H/section_162790605110 says
// "separated by a comma"; the wire has arrays).
type lenientStrings []string

func (s *lenientStrings) UnmarshalJSON(data []byte) error {
	var one string
	if data[0] != '"' {
		return json.Unmarshal(data, (*[]string)(s))
	}
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*s = strings.FieldsFunc(one, func(c rune) bool { return c == ',' || c == ' ' })
	return nil
}

// lenientTime reads a date, or leaves the time zero when it cannot. The form is not documented; a live client has met
// several. Where day and month could be either, the day comes first.
type lenientTime struct{ time.Time }

var dateForms = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly,
	"2/1/2006 15:04:05", "2/1/2006", "2.1.2006 15:04:05", "2.1.2006", "1/2/2006 15:04:05", "1/2/2006",
}

func (t *lenientTime) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return nil
	}
	for _, form := range dateForms {
		if read, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			t.Time = read.UTC()
			return nil
		}
	}
	return nil
}

// lenientText reads a string, or a number as it is written: IDs come as either.
type lenientText string

func (s *lenientText) UnmarshalJSON(data []byte) error {
	var number json.Number
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(s))
	}
	if err := json.Unmarshal(data, &number); err != nil {
		return err
	}
	*s = lenientText(number)
	return nil
}
