package netsuite

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// This file reads the text of single values.

func parseBool(text string) (bool, error) {
	switch text {
	case "T", "true":
		return true, nil
	case "F", "false":
		return false, nil
	}
	return false, errors.New("neither T nor F")
}

// parseFloat takes decimal numbers; strconv would also take "inf", "0x1p4" and "1_0".
func parseFloat(text string) (float64, error) { return parseDecimal(text, 64) }

func parseDecimal(text string, bits int) (float64, error) {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, strconv.ErrSyntax
	}
	f, err := strconv.ParseFloat(text, bits)
	if err == nil && (math.IsInf(f, 0) || math.IsNaN(f)) {
		err = strconv.ErrRange
	}
	return f, err
}

// plainTimes are the forms of date and time that have one reading. Dots always mean day first, and a year in front always
// month before day.
var plainTimes = []string{
	time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-1-2", "2006/1/2",
	"2006-1-2 15:04:05", "2006-1-2 15:04", "2006/1/2 15:04:05", "2006/1/2 15:04",
	"2.1.2006", "2-Jan-2006", "2-January-2006", "2 January, 2006",
}

func parseTime(text, layout string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if layout != "" {
		return time.Parse(layout, text)
	}
	for _, form := range plainTimes {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("not a date of one reading")
}

func wantTime(layout string) string {
	if layout != "" {
		return "a time of the layout " + strconv.Quote(layout)
	}
	return "a date that can be read in one way only; name its layout, or select TO_CHAR(column, 'YYYY-MM-DD')"
}
