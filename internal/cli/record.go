package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

func newRecord(e *env) *cobra.Command {
	return group("record", "Read and write records",
		newRecordGet(e), newRecordList(e), newRecordCreate(e), newRecordUpdate(e), newRecordUpsert(e), newRecordDelete(e), newRecordTransform(e), newRecordTypes(e))
}

// onRecord is a command that works on a connection and prints what it returns.
func (e *env) onRecord(use, short, long string, args cobra.PositionalArgs, do func(ctx context.Context, t *target, args []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withTarget(cmd, func(ctx context.Context, t *target) error { return do(ctx, t, args) })
		},
	}
	addConnectionFlags(cmd.Flags())
	return cmd
}

func newRecordGet(e *env) *cobra.Command {
	var o netsuite.RecordOptions
	cmd := e.onRecord("get TYPE ID", "Print a record", `Prints a record as JSON.

  suitekey record get customer 1001
  suitekey record get customer 1001 --fields companyname,email
  suitekey record get salesOrder 2001 --expand
  suitekey record get customer eid:crm-42
  suitekey record get employee -- -5              an ID below zero
`, cobra.ExactArgs(2), func(ctx context.Context, t *target, args []string) error {
		data, err := t.api.Record(ctx, args[0], args[1], &o)
		if err != nil {
			return err
		}
		return e.printJSON(data)
	})
	cmd.Flags().StringSliceVar(&o.Fields, "fields", nil, "`FIELDS` to print, with commas between; without it all")
	cmd.Flags().BoolVar(&o.ExpandSubResources, "expand", false, "print sublists and subrecords whole")
	return cmd
}

// printJSON prints what NetSuite answered: as it came for programs, in lines for people.
func (e *env) printJSON(data json.RawMessage) error {
	var text bytes.Buffer
	if e.json || json.Indent(&text, data, "", "  ") != nil {
		text.Reset()
		text.Write(bytes.TrimSpace(data))
	}
	text.WriteByte('\n')
	out := text.Bytes()
	if terminal(e.stdout) {
		out = shown(out)
	}
	_, err := e.stdout.Write(out)
	return err
}

// shown is text that cannot do anything but stand on a terminal (LO-02): what cannot be printed is written as JSON escapes it.
func shown(text []byte) []byte {
	var out []byte
	for _, r := range string(text) {
		switch {
		case r == '\n' || r == '\t' || unicode.IsPrint(r) && r != utf8.RuneError:
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

func newRecordList(e *env) *cobra.Command {
	var filter string
	var limit int
	cmd := e.onRecord("list TYPE", "List the IDs of records", `Lists the internal IDs of records, page after page.

  suitekey record list customer --limit 10
  suitekey record list customer --filter 'companyname START_WITH "Birch"' --json
`, cobra.ExactArgs(1), func(ctx context.Context, t *target, args []string) error {
		if limit < 0 {
			return broker.Errorf(broker.CodeInvalid, "flag --limit: must not be negative; got %d", limit)
		}
		return e.printIDs(ctx, t, args[0], filter, limit)
	})
	cmd.Flags().StringVar(&filter, "filter", "", "`CONDITION` in NetSuite's form: FIELD OPERATOR VALUE, joined by AND and OR")
	cmd.Flags().IntVar(&limit, "limit", 0, "`NUMBER` of IDs at most; 0 lists all")
	return cmd
}

func (e *env) printIDs(ctx context.Context, t *target, recordType, filter string, limit int) error {
	ids := []string{}
	for id, err := range t.api.Records(ctx, recordType, filter) {
		if err != nil {
			return err
		}
		if e.json {
			ids = append(ids, id)
		} else if _, err := fmt.Fprintln(e.stdout, oneLine(id)); err != nil {
			return err
		}
		if limit--; limit == 0 {
			break
		}
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(ids)
	}
	return nil
}

const bodyHelp = "`FILE` that holds the fields as a JSON object, - for stdin"

const largestRecordBody = 100 << 20

// fields reads the body of a write. It goes on as it is: NetSuite sets fields in their order, and one may depend on another.
func (e *env) fields(file string) (json.RawMessage, error) {
	if file == "" {
		return nil, broker.Errorf(broker.CodeInvalid, "flag --file: the fields are missing").WithDo(`For example: echo '{"companyname": "Acme"}' | suitekey record create customer --file -`)
	}
	data, err := e.readInput(file, largestRecordBody)
	if err != nil {
		return nil, err
	}
	if data = bytes.TrimSpace(data); !bytes.HasPrefix(data, []byte("{")) || !json.Valid(data) {
		return nil, broker.Errorf(broker.CodeInvalid, "file %s: must hold one JSON object", file).WithDo(`For example: {"companyname": "Acme"}`)
	}
	return data, nil
}

func newRecordCreate(e *env) *cobra.Command {
	var file string
	cmd := e.onRecord("create TYPE", "Make a record", `Makes a record and prints its internal ID. It is never tried twice: see upsert for that.

  echo '{"companyname": "Acme"}' | suitekey record create customer --file -
`, cobra.ExactArgs(1), func(ctx context.Context, t *target, args []string) error {
		fields, err := e.fields(file)
		if err != nil {
			return err
		}
		id, err := t.api.CreateRecord(ctx, args[0], fields)
		if err != nil {
			return err
		}
		return e.printWritten(args[0], id, "created")
	})
	cmd.Flags().StringVar(&file, "file", "", bodyHelp)
	return cmd
}

func (e *env) printWritten(recordType, id, what string) error {
	return e.print(map[string]any{"type": recordType, "id": id, what: true}, "%s\n", id)
}

func newRecordUpdate(e *env) *cobra.Command {
	var file string
	cmd := e.onRecord("update TYPE ID", "Change fields of a record", `Changes the fields that are given, and no others.

  echo '{"phone": "+49 30 1234"}' | suitekey record update customer 1001 --file -
`, cobra.ExactArgs(2), func(ctx context.Context, t *target, args []string) error {
		fields, err := e.fields(file)
		if err != nil {
			return err
		}
		if err := t.api.UpdateRecord(ctx, args[0], args[1], fields); err != nil {
			return err
		}
		return e.printWritten(args[0], args[1], "updated")
	})
	cmd.Flags().StringVar(&file, "file", "", bodyHelp)
	return cmd
}

func newRecordUpsert(e *env) *cobra.Command {
	var file string
	cmd := e.onRecord("upsert TYPE EXTERNAL-ID", "Make a record, or change it if it is there", `Makes the record with this external ID, or changes it. It may be repeated.

  echo '{"companyname": "Acme"}' | suitekey record upsert customer crm-42 --file -
`, cobra.ExactArgs(2), func(ctx context.Context, t *target, args []string) error {
		fields, err := e.fields(file)
		if err != nil {
			return err
		}
		id, err := t.api.UpsertRecord(ctx, args[0], args[1], fields)
		if err != nil {
			return err
		}
		return e.printWritten(args[0], id, "upserted")
	})
	cmd.Flags().StringVar(&file, "file", "", bodyHelp)
	return cmd
}

func newRecordDelete(e *env) *cobra.Command {
	return e.onRecord("delete TYPE ID", "Delete a record", `Deletes a record, for good.

  suitekey record delete customer 1001
  suitekey record delete customer 1001 --yes
`, cobra.ExactArgs(2), func(ctx context.Context, t *target, args []string) error {
		if err := e.confirm(fmt.Sprintf("Deleting %s %s in account %s, for good", args[0], args[1], t.account)); err != nil {
			return err
		}
		if err := t.api.DeleteRecord(ctx, args[0], args[1]); err != nil {
			return err
		}
		return e.printWritten(args[0], args[1], "deleted")
	})
}

func newRecordTransform(e *env) *cobra.Command {
	var file string
	cmd := e.onRecord("transform TYPE ID TARGET", "Make a record out of another", `Makes a record of another type out of one, as NetSuite's buttons do, and prints its internal ID.

  suitekey record transform salesOrder 2001 invoice
`, cobra.ExactArgs(3), func(ctx context.Context, t *target, args []string) error {
		fields := json.RawMessage("{}")
		var err error
		if file != "" {
			if fields, err = e.fields(file); err != nil {
				return err
			}
		}
		id, err := t.api.TransformRecord(ctx, args[0], args[1], args[2], fields)
		if err != nil {
			return err
		}
		return e.printWritten(args[2], id, "created")
	})
	cmd.Flags().StringVar(&file, "file", "", bodyHelp)
	return cmd
}

func newRecordTypes(e *env) *cobra.Command {
	return e.onRecord("types [TYPE]", "List record types, or print the schema of one", `Lists the record types that the connection's role may use, or prints the JSON schema of one.

  suitekey record types
  suitekey record types customer
`, cobra.MaximumNArgs(1), func(ctx context.Context, t *target, args []string) error {
		if len(args) == 1 {
			schema, err := t.api.RecordSchema(ctx, args[0])
			if err != nil {
				return err
			}
			return e.printJSON(schema)
		}
		names, err := t.api.MetadataCatalog(ctx)
		if err != nil {
			return err
		}
		slices.Sort(names)
		if e.json {
			return json.NewEncoder(e.stdout).Encode(names)
		}
		for _, name := range names {
			if _, err := fmt.Fprintln(e.stdout, name); err != nil {
				return err
			}
		}
		return nil
	})
}
