package company

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// This file turns rows as SQLite prints them, [[1,"a",null],...], into the items of an answer. It copies texts
// where it can instead of decoding and encoding every value: a page of a large result is what accounts are asked for most.

// itemsText are the items of an answer, joined by commas, and how many they are: each with its own empty links, then
// the columns in the order of the statement. Numbers are strings (H/section_0210123130). That an empty column has no
// key is a guess.
func itemsText(rows []byte, columns []column, nulls bool) (items []byte, count int) {
	keys := keyTexts(columns)
	items = make([]byte, 0, 3*len(rows))
	for rest := rows[1 : len(rows)-1]; len(rest) > 0; count++ {
		if count > 0 {
			items, rest = append(items, ','), rest[1:]
		}
		items = append(items, `{"links":[]`...)
		for _, key := range keys {
			var value []byte
			value, rest = cutValue(rest[1:]) // behind the row's bracket or a comma
			items = appendValue(items, key, value, nulls)
		}
		items, rest = append(items, '}'), rest[1:]
	}
	return items, count
}

// keyTexts are the columns' keys as they stand in an item: ,"name":
func keyTexts(columns []column) []string {
	keys := make([]string, len(columns))
	for i, c := range columns {
		name, err := json.Marshal(c.name)
		if err != nil {
			panic(err) // every string has a JSON form
		}
		keys[i] = "," + string(name) + ":"
	}
	return keys
}

// cutValue cuts the string, number or null at the start of text.
func cutValue(text []byte) (value, rest []byte) {
	if text[0] != '"' {
		n := bytes.IndexAny(text, ",]")
		return text[:n], text[n:]
	}
	end := 1
	for text[end] != '"' {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	return text[:end+1], text[end+1:]
}

// appendValue adds a column to an item.
func appendValue(item []byte, key string, value []byte, nulls bool) []byte {
	switch {
	case value[0] == 'n' && !nulls:
		return item
	case value[0] == 'n' || value[0] == '"':
		return append(append(item, key...), value...)
	}
	item = append(append(item, key...), '"')
	return append(append(item, printedNumber(value)...), '"')
}

// printedNumber is a JSON number as SuiteQL shows it.
func printedNumber(text []byte) []byte {
	if !bytes.ContainsAny(text, ".eE") {
		return text
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return text // beyond the range of numbers
	}
	return []byte(formatNumber(f))
}
