package company

import (
	"maps"
	"slices"
	"strings"
)

// This file declares the record types of the record service. A record's field is a column of a table; what
// its JSON form is follows from the column: a check box is a boolean, a reference an object with id and
// refName. What a type needs beyond its fields is said in SQL.

type recordType struct {
	name        string // as URLs write it, such as salesOrder
	table       string
	permissions []string // any of these
	readOnly    bool
	only        string // condition that its rows fulfil, where a table holds several types
	fields      []field
	created     string // columns that the service sets itself
	modified    string
	constants   map[string]string // columns that say of which type a row is
	defaults    map[string]string // column to the SQL expression that fills it when nothing is given
	sublist     *sublist
	settled     []string // statements after a change of the lines; ?1 is the internal id of the record
	balanced    string   // condition that the record must fulfil in the end; empty = any
	unbalanced  string   // what is wrong with a record that does not
}

type field struct {
	name, column string
	required     bool
	fixed        bool     // the service sets it; a request cannot
	moment       bool     // date and time, not only a day
	codes        []string // of a column with codes: those that this type has
	derived      []string // fields of a line from which it is worked out anew when they change
}

// sublist has the rows of another table as its lines. A line is named by the field line, within its record.
type sublist struct {
	name, table, parent, only string
	fields                    []field
	number                    string // column that numbers the lines
	required                  bool   // a record needs a line
	constants                 map[string]string
	defaults                  map[string]string
}

// writable are fields whose column is their name in lower case.
func writable(names string) []field {
	var fields []field
	for name := range strings.FieldsSeq(names) {
		fields = append(fields, field{name: name, column: strings.ToLower(name)})
	}
	return fields
}

func needed(name, column string) field { return field{name: name, column: column, required: true} }

// moments are the two times that the service keeps of a record.
func moments(created, createdColumn, modified, modifiedColumn string) []field {
	return []field{
		{name: created, column: createdColumn, fixed: true, moment: true},
		{name: modified, column: modifiedColumn, fixed: true, moment: true},
	}
}

// standardRecordTypes by name in lower case. Defaults stand in for the account's preferences (a guess).
var standardRecordTypes = byName(slices.Concat(entityTypes, itemTypes, transactionTypes, listTypes))

var entityTypes = []*recordType{
	{
		name: "customer", table: "customer", permissions: []string{"LIST_CUSTJOB"},
		created: "datecreated", modified: "lastmodifieddate",
		fields: slices.Concat([]field{needed("companyName", "companyname")},
			writable("entityId isPerson firstName lastName email phone url comments creditLimit isInactive externalId subsidiary currency salesRep"),
			moments("dateCreated", "datecreated", "lastModifiedDate", "lastmodifieddate")),
		defaults: map[string]string{"entityid": "companyname", "subsidiary": "1", "currency": "1"},
	},
	{
		name: "vendor", table: "vendor", permissions: []string{"LIST_VENDOR"},
		created: "datecreated", modified: "lastmodifieddate",
		fields: slices.Concat([]field{needed("companyName", "companyname")},
			writable("entityId email phone isInactive externalId subsidiary currency"),
			moments("dateCreated", "datecreated", "lastModifiedDate", "lastmodifieddate")),
		defaults: map[string]string{"entityid": "companyname", "subsidiary": "1", "currency": "1"},
	},
	{
		name: "contact", table: "contact", permissions: []string{"LIST_CONTACT"},
		created: "datecreated", modified: "lastmodifieddate",
		fields: slices.Concat([]field{needed("lastName", "lastname")},
			writable("entityId firstName title email phone comments company isInactive externalId subsidiary"),
			moments("dateCreated", "datecreated", "lastModifiedDate", "lastmodifieddate")),
		defaults: map[string]string{"entityid": "trim(coalesce(firstname, '') || ' ' || lastname)", "subsidiary": "1"},
	},
	{
		name: "employee", table: "employee", permissions: []string{"LIST_EMPLOYEE"}, readOnly: true,
		fields: writable("entityId firstName lastName email title giveAccess isInactive supervisor"),
	},
}

var itemTypes = []*recordType{
	itemType("inventoryItem", "InvtPart"),
	itemType("nonInventorySaleItem", "NonInvtPart"),
	itemType("serviceSaleItem", "Service"),
}

func itemType(name, code string) *recordType {
	return &recordType{
		name: name, table: "item", permissions: []string{"LIST_ITEM"}, only: "itemtype = '" + code + "'",
		created: "createddate", modified: "lastmodifieddate", constants: map[string]string{"itemtype": code},
		fields: slices.Concat([]field{needed("itemId", "itemid")}, writable("displayName description cost isInactive externalId"),
			moments("createdDate", "createddate", "lastModifiedDate", "lastmodifieddate")),
		defaults: map[string]string{"displayname": "itemid"},
	}
}

var transactionTypes = []*recordType{
	sale("salesOrder", "SalesOrd", "SO", "TRAN_SALESORD", "B",
		field{name: "orderStatus", column: "status", codes: []string{"A", "B", "F", "G", "H"}}),
	sale("invoice", "CustInvc", "INV", "TRAN_CUSTINVC", "CustInvc:A", statusField("CustInvc:A", "CustInvc:B")),
	sale("cashSale", "CashSale", "CS", "TRAN_CASHSALE", "CashSale:B", statusField("CashSale:B")),
	sale("creditMemo", "CustCred", "CM", "TRAN_CUSTCRED", "CustCred:A", statusField("CustCred:A")),
	itemFulfillment(),
	customerPayment(),
	journalEntry(),
}

// statusField is a status that follows from what happens to the transaction.
func statusField(codes ...string) field {
	return field{name: "status", column: "status", fixed: true, codes: codes}
}

// transactionType is what all transactions have. A number is given as prefix and internal id, the day is that
// of the creation (guesses: the account's preferences decide).
func transactionType(name, code, prefix, permission, status string, fields ...field) *recordType {
	return &recordType{
		name: name, table: "transaction", permissions: []string{permission}, only: "type = '" + code + "'",
		created: "createddate", modified: "lastmodifieddate",
		constants: map[string]string{"type": code, "abbrevtype": strings.ToUpper(name)},
		fields: slices.Concat(fields, writable("tranId tranDate currency exchangeRate memo externalId"),
			moments("createdDate", "createddate", "lastModifiedDate", "lastmodifieddate")),
		defaults: map[string]string{
			"tranid": "'" + prefix + "' || id", "trandate": "cast(createddate AS INTEGER)", "status": "'" + status + "'",
			"exchangerate": "1", "currency": `coalesce((SELECT c.currency FROM customer c WHERE c.id = entity), 1)`,
		},
	}
}

// sale is a transaction with a customer and priced items.
func sale(name, code, prefix, permission, status string, shown field) *recordType {
	rt := transactionType(name, code, prefix, permission, status,
		needed("entity", "entity"), shown, field{name: "otherRefNum", column: "otherrefnum"},
		field{name: "salesRep", column: "employee"}, field{name: "createdFrom", column: "createdfrom", fixed: true},
		field{name: "total", column: "foreigntotal", fixed: true})
	rt.sublist = itemLines(append(writable("quantity rate"),
		field{name: "amount", column: "foreignamount", derived: []string{"quantity", "rate"}}))
	// A line without a price has twice the cost of its item, as the seeded orders have (a guess: price levels decide).
	const price = `coalesce(rate, (SELECT i.cost * 2 FROM item i WHERE i.id = item), 0)`
	rt.sublist.defaults = map[string]string{
		"quantity": "1", "rate": price, "foreignamount": "coalesce(quantity, 1) * " + price,
	}
	rt.settled = []string{
		`UPDATE transactionline SET netamount = foreignamount WHERE "transaction" = ?1 AND mainline = 'F'`,
		`DELETE FROM transactionline WHERE "transaction" = ?1 AND mainline = 'T'`,
		`INSERT INTO transactionline (id, linesequencenumber, "transaction", netamount, foreignamount, mainline, isclosed, subsidiary)
			SELECT 0, 0, ?1, coalesce(sum(netamount), 0), coalesce(sum(foreignamount), 0), 'T', 'F', 1
			FROM transactionline WHERE "transaction" = ?1 AND mainline = 'F'`,
		`UPDATE "transaction" SET foreigntotal = (SELECT l.foreignamount FROM transactionline l WHERE l."transaction" = ?1 AND l.mainline = 'T') WHERE id = ?1`,
	}
	return rt
}

// itemLines is the sublist item; its lines have the item, its number in the record, and other fields.
func itemLines(other []field) *sublist {
	return &sublist{
		name: "item", table: "transactionline", parent: "transaction", only: "mainline = 'F'", number: "linesequencenumber", required: true,
		fields:    slices.Concat([]field{needed("item", "item"), {name: "line", column: "linesequencenumber"}}, other),
		constants: map[string]string{"mainline": "F", "isclosed": "F", "subsidiary": "1"},
	}
}

func itemFulfillment() *recordType {
	rt := transactionType("itemFulfillment", "ItemShip", "IF", "TRAN_ITEMSHIP", "ItemShip:C",
		needed("entity", "entity"), statusField("ItemShip:C"), field{name: "createdFrom", column: "createdfrom", fixed: true})
	rt.sublist = itemLines(writable("quantity"))
	rt.sublist.defaults = map[string]string{"quantity": "1"}
	return rt
}

func customerPayment() *recordType {
	return transactionType("customerPayment", "CustPymt", "PYMT", "TRAN_CUSTPYMT", "CustPymt:C",
		needed("customer", "entity"), needed("payment", "foreigntotal"), statusField("CustPymt:C"),
		field{name: "createdFrom", column: "createdfrom", fixed: true})
}

func journalEntry() *recordType {
	rt := transactionType("journalEntry", "Journal", "JE", "TRAN_JOURNAL", "Journal:B",
		statusField("Journal:B"), field{name: "total", column: "foreigntotal", fixed: true})
	rt.sublist = &sublist{
		name: "line", table: "transactionaccountingline", parent: "transaction", only: "TRUE", number: "transactionline", required: true,
		fields:    append([]field{needed("account", "account"), {name: "line", column: "transactionline"}}, writable("debit credit memo")...),
		constants: map[string]string{"posting": "T"},
		defaults:  map[string]string{"amount": "coalesce(debit, 0) - coalesce(credit, 0)"},
	}
	rt.settled = []string{
		`UPDATE transactionaccountingline SET amount = coalesce(debit, 0) - coalesce(credit, 0) WHERE "transaction" = ?1`,
		`UPDATE "transaction" SET foreigntotal = (SELECT sum(debit) FROM transactionaccountingline WHERE "transaction" = ?1) WHERE id = ?1`,
	}
	rt.balanced = `abs(coalesce((SELECT sum(amount) FROM transactionaccountingline WHERE "transaction" = ?1), 0)) < 0.005`
	rt.unbalanced = "the debits and the credits of its lines must be equal"
	return rt
}

var listTypes = []*recordType{
	{
		name: "account", table: "account", permissions: []string{"LIST_ACCOUNT"}, readOnly: true,
		fields: append(writable("acctNumber acctType isInactive"), field{name: "acctName", column: "accountsearchdisplayname"}),
	},
	{
		name: "currency", table: "currency", permissions: []string{"LIST_CURRENCY"}, readOnly: true,
		fields: writable("name symbol isBaseCurrency isInactive exchangeRate"),
	},
	{
		name: "subsidiary", table: "subsidiary", permissions: []string{"LIST_SUBSIDIARY"}, readOnly: true,
		fields: writable("name fullName country isInactive parent currency"),
	},
}

func byName(types []*recordType) map[string]*recordType {
	all := map[string]*recordType{}
	for _, rt := range types {
		all[strings.ToLower(rt.name)] = rt
	}
	return all
}

// recordType finds a type in any letter case, among the standard ones and those that bundles brought. The
// caller holds mu.
func (c *Company) recordType(name string) (*recordType, bool) {
	name = strings.ToLower(name)
	if rt, ok := standardRecordTypes[name]; ok {
		return rt, true
	}
	t, ok := c.tables[name]
	if !ok || !strings.HasPrefix(name, customRecordPrefix) {
		return nil, false
	}
	rt := &recordType{name: t.name, table: t.name, permissions: t.permissions, created: "created", modified: "lastmodified"}
	rt.fields = append(writable("name externalId isInactive"), moments("created", "created", "lastModified", "lastmodified")...)
	for _, column := range t.columns {
		if strings.HasPrefix(column.name, customFieldPrefix) {
			rt.fields = append(rt.fields, field{name: column.name, column: column.name})
		}
	}
	return rt, true
}

const (
	customRecordPrefix = "customrecord_"
	customFieldPrefix  = "custrecord"
)

// recordTypes are all types that a role may see, by name. The caller holds mu.
func (c *Company) recordTypes(role Role) []*recordType {
	names := slices.Collect(maps.Keys(standardRecordTypes))
	for name := range c.tables {
		if strings.HasPrefix(name, customRecordPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var types []*recordType
	for _, name := range names {
		if rt, ok := c.recordType(name); ok && role.hasAny(rt.permissions, LevelView) {
			types = append(types, rt)
		}
	}
	return types
}

func (rt *recordType) field(name string) (field, bool) { return fieldOf(rt.fields, name) }

func fieldOf(fields []field, name string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

// where is the condition that finds a record of the type.
func (rt *recordType) where(condition string) string {
	if rt.only == "" {
		return condition
	}
	return rt.only + " AND " + condition
}

// transform makes a record of one type from a record of another. Those that all of SuiteScript's
// record.transform knows are possible in NetSuite (H/section_157901123882); here are those between the types above.
type transform struct {
	from, to string
	ready    string            // condition that the source must fulfil; empty = any
	carried  map[string]string // column of the new record to SQL expression over the source
	lines    bool              // the lines come along
	then     string            // what becomes of the source, as SET of an UPDATE; empty = nothing
}

// transforms between the record types. The states before and after are a guess.
var transforms = []transform{
	{from: "customer", to: "salesOrder", carried: carryCustomer},
	{from: "customer", to: "invoice", carried: carryCustomer},
	{from: "customer", to: "cashSale", carried: carryCustomer},
	{from: "customer", to: "customerPayment", carried: map[string]string{"entity": "id", "currency": "currency"}},
	{from: "salesOrder", to: "invoice", ready: "status IN ('B', 'F')", carried: carrySale, lines: true, then: "status = 'G'"},
	{from: "salesOrder", to: "cashSale", ready: "status IN ('B', 'F')", carried: carrySale, lines: true, then: "status = 'G'"},
	{from: "salesOrder", to: "itemFulfillment", ready: "status = 'B'", carried: carryOrigin, lines: true, then: "status = 'F'"},
	{
		from: "invoice", to: "customerPayment", ready: "status = 'CustInvc:A'", then: "status = 'CustInvc:B'",
		carried: map[string]string{"entity": "entity", "currency": "currency", "exchangerate": "exchangerate", "foreigntotal": "foreigntotal", "createdfrom": "id"},
	},
	{from: "invoice", to: "creditMemo", carried: carrySale, lines: true},
	{from: "cashSale", to: "creditMemo", carried: carrySale, lines: true},
}

var (
	carryCustomer = map[string]string{"entity": "id", "currency": "currency", "employee": "salesrep"}
	carryOrigin   = map[string]string{"entity": "entity", "currency": "currency", "exchangerate": "exchangerate", "memo": "memo", "createdfrom": "id"}
	carrySale     = with(carryOrigin, map[string]string{"employee": "employee", "otherrefnum": "otherrefnum"})
)

func with(base, more map[string]string) map[string]string {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

// transformsOf are the transforms that a type can be the source of.
func (rt *recordType) transformsOf() []transform {
	var from []transform
	for _, t := range transforms {
		if t.from == rt.name {
			from = append(from, t)
		}
	}
	return from
}
