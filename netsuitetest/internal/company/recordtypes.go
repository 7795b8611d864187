package company

import "strings"

// This file declares the record types of the record service. A record's field is a column of a table; what
// its JSON form is follows from the column: a check box is a boolean, a reference an object with id and
// refName.

type recordType struct {
	name        string // as URLs write it, such as salesOrder
	table       string
	permissions []string // any of these
	readOnly    bool
	only        string // condition that its rows fulfil, where a table holds several types
	fields      []field
	created     string // columns that the service sets itself
	modified    string
	defaults    map[string]string // column to the SQL expression that fills it when nothing is given
	sublist     *sublist
}

type field struct {
	name, column string
	required     bool
	fixed        bool // the service sets it; a request cannot
	moment       bool // date and time, not only a day
}

// sublist has the rows of another table as its lines.
type sublist struct {
	name, table, parent, only string
	fields                    []field
}

// writable are fields whose column is their name in lower case.
func writable(names string) []field {
	var fields []field
	for name := range strings.FieldsSeq(names) {
		fields = append(fields, field{name: name, column: strings.ToLower(name)})
	}
	return fields
}

// moments are the two times that the service keeps of a record.
func moments(created, createdColumn, modified, modifiedColumn string) []field {
	return []field{
		{name: created, column: createdColumn, fixed: true, moment: true},
		{name: modified, column: modifiedColumn, fixed: true, moment: true},
	}
}

// standardRecordTypes by name in lower case. Defaults stand in for the account's preferences (a guess).
var standardRecordTypes = byName([]*recordType{
	{
		name: "customer", table: "customer", permissions: []string{"LIST_CUSTJOB"},
		created: "datecreated", modified: "lastmodifieddate",
		fields: append(append([]field{{name: "companyName", column: "companyname", required: true}},
			writable("entityId isPerson firstName lastName email phone url comments creditLimit isInactive externalId subsidiary currency salesRep")...),
			moments("dateCreated", "datecreated", "lastModifiedDate", "lastmodifieddate")...),
		defaults: map[string]string{"entityid": "companyname", "subsidiary": "1", "currency": "1"},
	},
	{
		name: "vendor", table: "vendor", permissions: []string{"LIST_VENDOR"},
		created: "datecreated", modified: "lastmodifieddate",
		fields: append(append([]field{{name: "companyName", column: "companyname", required: true}},
			writable("entityId email phone isInactive externalId subsidiary currency")...),
			moments("dateCreated", "datecreated", "lastModifiedDate", "lastmodifieddate")...),
		defaults: map[string]string{"entityid": "companyname", "subsidiary": "1", "currency": "1"},
	},
	{
		name: "employee", table: "employee", permissions: []string{"LIST_EMPLOYEE"}, readOnly: true,
		fields: writable("entityId firstName lastName email title giveAccess isInactive supervisor"),
	},
	{
		name: "salesOrder", table: "transaction", permissions: []string{"TRAN_SALESORD"}, readOnly: true, only: "type = 'SalesOrd'",
		fields: append(append(writable("tranId tranDate entity currency exchangeRate memo otherRefNum externalId"),
			field{name: "orderStatus", column: "status"}, field{name: "total", column: "foreigntotal"}, field{name: "salesRep", column: "employee"}),
			moments("createdDate", "createddate", "lastModifiedDate", "lastmodifieddate")...),
		sublist: &sublist{
			name: "item", table: "transactionline", parent: "transaction", only: "mainline = 'F'",
			fields: append(writable("item quantity rate"), field{name: "line", column: "linesequencenumber"}, field{name: "amount", column: "foreignamount"}),
		},
	},
})

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
	if !ok || !strings.HasPrefix(name, "customrecord_") {
		return nil, false
	}
	rt := &recordType{name: t.name, table: t.name, permissions: t.permissions, created: "created", modified: "lastmodified"}
	rt.fields = append(writable("name externalId isInactive"), moments("created", "created", "lastModified", "lastmodified")...)
	for _, column := range t.columns {
		if strings.HasPrefix(column.name, "custrecord") {
			rt.fields = append(rt.fields, field{name: column.name, column: column.name})
		}
	}
	return rt, true
}

func (rt *recordType) field(name string) (field, bool) {
	for _, f := range rt.fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// where is the condition that finds a record of the type.
func (rt *recordType) where(condition string) string {
	if rt.only == "" {
		return condition
	}
	return rt.only + " AND " + condition
}
