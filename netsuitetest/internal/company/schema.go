package company

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// This file is the catalogue: which tables and columns SuiteQL can name, who may read them, and how values
// are kept. Tables hold further columns in the database; what is not in the catalogue cannot be queried.

// kind is what a column or an expression holds.
type kind int

const (
	unknown kind = iota // NULL, or not decided
	number
	text
	boolean // 'T' or 'F', as SuiteQL shows check boxes
	date    // days since 1970-01-01 UTC with the time of day as fraction, so that date arithmetic is arithmetic
)

// columnType is what the database declares for a kind. A date is a number there.
var columnType = map[kind]string{number: "NUMERIC", text: "TEXT", boolean: "TEXT", date: "REAL"}

// reference says what BUILTIN.DF displays for a column: a column of the row pointed at, or a word per code.
type reference struct {
	table, display string
	words          map[string]string
}

type column struct {
	name string
	kind kind
	ref  *reference
}

type table struct {
	name        string
	permissions []string // any of these, at level View, lets a role see the table; none means every role
	key         string   // column that numbers the rows, given out once and never again
	columns     []column
	hidden      []column // in the database, not in the catalogue
	unique      []string // no two rows have the same value
	indexed     []string
	sparse      []string // indexed, but empty in most rows
}

func (t *table) column(name string) (column, bool) {
	for _, c := range t.columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

func columns(k kind, names string) []column {
	var cs []column
	for name := range strings.FieldsSeq(names) {
		cs = append(cs, column{name: name, kind: k})
	}
	return cs
}

func refers(name, table, display string) column {
	return column{name: name, kind: number, ref: &reference{table: table, display: display}}
}

// transactionStatus are the codes of a transaction's status and what NetSuite's pages call them. Sales orders have
// the letter alone; the others the form of saved searches, type and letter, so that one code has one meaning (a
// guess: SuiteQL may show their letter alone, too).
var transactionStatus = &reference{words: map[string]string{
	"A":          "Sales Order : Pending Approval",
	"B":          "Sales Order : Pending Fulfillment",
	"F":          "Sales Order : Pending Billing",
	"G":          "Sales Order : Billed",
	"H":          "Sales Order : Closed",
	"CustInvc:A": "Invoice : Open",
	"CustInvc:B": "Invoice : Paid In Full",
	"CashSale:B": "Cash Sale : Deposited",
	"CustCred:A": "Credit Memo : Open",
	"CustPymt:C": "Payment : Deposited",
	"ItemShip:C": "Item Fulfillment : Shipped",
	"Journal:B":  "Journal : Approved for Posting",
}}

// transactionPermissions open the tables of transactions. Which rows a role sees does not depend on the type of the
// transaction here; NetSuite looks at each.
var transactionPermissions = []string{
	"TRAN_SALESORD", "TRAN_CUSTINVC", "TRAN_CASHSALE", "TRAN_CUSTCRED", "TRAN_CUSTPYMT", "TRAN_ITEMSHIP", "TRAN_JOURNAL",
}

// standardCatalogue are the tables of an account without bundles.
//
// Permissions: script and scriptdeployment need SuiteScript (H/article_0403053450). That role,
// rolepermissions and customrecordtype need nothing special, and which list or transaction permission the
// others need, is a guess from the names in the permission list.
func standardCatalogue() map[string]*table {
	all := []*table{
		{
			name: "customer", key: "id", permissions: []string{"LIST_CUSTJOB"}, unique: []string{"externalid"},
			columns: slices.Concat(columns(number, "id"), columns(text, "entityid companyname firstname lastname email phone url comments externalid"),
				columns(boolean, "isperson isinactive"), columns(number, "creditlimit"), columns(date, "datecreated lastmodifieddate"),
				[]column{refers("subsidiary", "subsidiary", "name"), refers("currency", "currency", "name"), refers("salesrep", "employee", "entityid")}),
		},
		{
			name: "vendor", key: "id", permissions: []string{"LIST_VENDOR"}, unique: []string{"externalid"},
			columns: slices.Concat(columns(number, "id"), columns(text, "entityid companyname email phone externalid"), columns(boolean, "isinactive"),
				columns(date, "datecreated lastmodifieddate"), []column{refers("subsidiary", "subsidiary", "name"), refers("currency", "currency", "name")}),
		},
		{
			name: "contact", key: "id", permissions: []string{"LIST_CONTACT"}, unique: []string{"externalid"}, indexed: []string{"company"},
			columns: slices.Concat(columns(number, "id"), columns(text, "entityid firstname lastname title email phone comments externalid"),
				columns(boolean, "isinactive"), columns(date, "datecreated lastmodifieddate"),
				[]column{refers("company", "customer", "entityid"), refers("subsidiary", "subsidiary", "name")}),
		},
		{
			name: "item", key: "id", permissions: []string{"LIST_ITEM"}, unique: []string{"externalid"},
			columns: slices.Concat(columns(number, "id"), columns(text, "itemid displayname description itemtype externalid"), columns(boolean, "isinactive"),
				columns(number, "cost"), columns(date, "createddate lastmodifieddate")),
		},
		{
			// createdfrom is here and not on the lines, so that a record's field is a column of its table (a guess).
			name: "transaction", key: "id", permissions: transactionPermissions, unique: []string{"externalid"}, indexed: []string{"entity"}, sparse: []string{"createdfrom"},
			columns: slices.Concat(columns(number, "id"), columns(text, "type abbrevtype tranid memo otherrefnum externalid"), columns(boolean, "posting"),
				columns(date, "trandate createddate lastmodifieddate"), columns(number, "exchangerate foreigntotal"),
				[]column{
					refers("entity", "customer", "entityid"),
					refers("currency", "currency", "name"),
					refers("employee", "employee", "entityid"),
					refers("createdfrom", "transaction", "tranid"),
					{name: "status", kind: text, ref: transactionStatus},
				}),
		},
		{
			name: "transactionline", key: "uniquekey", permissions: transactionPermissions, indexed: []string{"transaction", "item"},
			columns: slices.Concat(columns(number, "uniquekey id linesequencenumber quantity rate netamount foreignamount"), columns(text, "memo"),
				columns(boolean, "mainline isclosed"),
				[]column{refers("transaction", "transaction", "tranid"), refers("item", "item", "itemid"), refers("subsidiary", "subsidiary", "name")}),
		},
		{
			name: "transactionaccountingline", key: "uniquekey", permissions: transactionPermissions, indexed: []string{"transaction"},
			columns: slices.Concat(columns(number, "transactionline debit credit amount"), columns(text, "memo"), columns(boolean, "posting"),
				[]column{refers("transaction", "transaction", "tranid"), refers("account", "account", "accountsearchdisplayname")}),
			hidden: columns(number, "uniquekey"),
		},
		{
			name: "account", key: "id", permissions: []string{"LIST_ACCOUNT"},
			columns: slices.Concat(columns(number, "id"), columns(text, "acctnumber accountsearchdisplayname accttype"), columns(boolean, "isinactive")),
		},
		{
			name: "currency", key: "id", permissions: []string{"LIST_CURRENCY"},
			columns: slices.Concat(columns(number, "id"), columns(text, "name symbol"), columns(boolean, "isbasecurrency isinactive"), columns(number, "exchangerate")),
		},
		{
			name: "subsidiary", key: "id", permissions: []string{"LIST_SUBSIDIARY"},
			columns: slices.Concat(columns(number, "id"), columns(text, "name fullname country"), columns(boolean, "isinactive"),
				[]column{refers("parent", "subsidiary", "name"), refers("currency", "currency", "name")}),
		},
		{
			name: "employee", key: "id", permissions: []string{"LIST_EMPLOYEE"},
			columns: slices.Concat(columns(number, "id"), columns(text, "entityid firstname lastname email title rolesforsearch"),
				columns(boolean, "giveaccess isinactive"), []column{refers("supervisor", "employee", "entityid")}),
			hidden: columns(text, "authid"),
		},
		{
			name: "role", key: "id",
			columns: slices.Concat(columns(number, "id"), columns(text, "scriptid name"), columns(boolean, "isinactive")),
			hidden:  columns(boolean, "iswebserviceonlyrole fullaccess"),
		},
		{
			name: "rolepermissions", indexed: []string{"role"},
			columns: slices.Concat([]column{refers("role", "role", "name")}, columns(text, "permkey name"), columns(number, "permlevel"), columns(text, "restriction")),
		},
		{
			name: "script", key: "id", permissions: []string{"ADMI_CUSTOMSCRIPT"},
			columns: slices.Concat(columns(number, "id"), columns(text, "scriptid name scripttype"), columns(boolean, "isinactive")),
		},
		{
			// Clients select id or primarykey; both hold the same value. The number in a URL's deploy= is
			// another one, counted within the script.
			name: "scriptdeployment", key: "id", permissions: []string{"ADMI_CUSTOMSCRIPT"},
			columns: slices.Concat(columns(number, "id primarykey"), columns(text, "scriptid title status"), columns(boolean, "isdeployed"),
				[]column{refers("script", "script", "name")}),
			hidden: slices.Concat(columns(number, "deploynumber"), columns(boolean, "allroles withoutlogin onlineformuser"), columns(text, "roles")),
		},
		{
			name: "customrecordtype", key: "internalid",
			columns: slices.Concat(columns(number, "internalid"), columns(text, "scriptid name"), columns(boolean, "isinactive")),
		},
		accessTokens(),
		{name: "dual", columns: columns(text, "dummy")},
	}
	catalogue := map[string]*table{}
	for _, t := range all {
		catalogue[t.name] = t
	}
	return catalogue
}

// customRecordTable is the table of a custom record type. Its rows are open to roles with the record's own
// permission or with Custom Record Entries.
func customRecordTable(rt RecordType) *table {
	id := strings.ToLower(rt.ScriptID)
	return &table{
		name: id, key: "id", permissions: []string{id, "LIST_CUSTRECORDENTRY"}, unique: []string{"externalid"},
		columns: slices.Concat(columns(number, "id"), columns(text, "name externalid"), columns(boolean, "isinactive"),
			columns(date, "created lastmodified"), columns(text, strings.Join(rt.Fields, " "))),
	}
}

func createTables(tx *sql.Tx, tables map[string]*table) error {
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		for _, statement := range tables[name].create() {
			if _, err := tx.Exec(statement); err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
		}
	}
	return nil
}

// create are the statements that make the table and its indexes.
func (t *table) create() []string {
	var defs []string
	for _, c := range slices.Concat(t.columns, t.hidden) {
		def := quoteName(c.name) + " " + columnType[c.kind]
		if c.name == t.key {
			def = quoteName(c.name) + " INTEGER PRIMARY KEY AUTOINCREMENT"
		}
		defs = append(defs, def)
	}
	index := func(what, c, where string) string {
		return "CREATE " + what + " " + quoteName(t.name+"_"+c) + " ON " + quoteName(t.name) + " (" + quoteName(c) + ")" + where
	}
	statements := []string{"CREATE TABLE " + quoteName(t.name) + " (" + strings.Join(defs, ", ") + ")"}
	for _, c := range t.indexed {
		statements = append(statements, index("INDEX", c, ""))
	}
	// Where a column is mostly empty, an index of its values alone costs next to nothing.
	for _, c := range t.unique {
		statements = append(statements, index("UNIQUE INDEX", c, " WHERE "+quoteName(c)+" IS NOT NULL"))
	}
	for _, c := range t.sparse {
		statements = append(statements, index("INDEX", c, " WHERE "+quoteName(c)+" IS NOT NULL"))
	}
	return statements
}

// quoteName makes any text an SQLite identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

const secondsPerDay = 24 * 60 * 60

// dayNumber and fromDayNumber are the database's form of a moment: days since 1970-01-01 UTC.
func dayNumber(t time.Time) float64 { return float64(t.UTC().Unix()) / secondsPerDay }

func fromDayNumber(days float64) time.Time {
	return time.Unix(int64(days*secondsPerDay+0.5), 0).UTC()
}
