package company

import (
	"database/sql"
	"fmt"
	"time"
)

// seed fills a new company. Everything but the company's name and the number of rows is the same for every
// account and every run.
func seed(tx *sql.Tx, cfg Config) error {
	if err := seedRoles(tx); err != nil {
		return err
	}
	steps := []struct {
		statement string
		args      []any
	}{
		{seedDual, nil},
		{seedCurrencies, nil},
		{seedSubsidiaries, []any{cfg.Name}},
		{seedEmployees, nil},
		{seedScripts, nil},
		{seedVendors, nil},
		{seedCustomers, []any{cfg.Customers, firstDay}},
		{seedContacts, []any{firstDay}},
		{seedAccounts, nil},
		{seedItems, []any{cfg.Items, firstDay}},
		{seedOrders, []any{cfg.SalesOrders, cfg.Customers, firstDay}},
		{seedOrderLines, []any{cfg.Items}},
		{seedTotals, []any{cfg.Items}},
		{seedMainLines, nil},
	}
	for i, step := range steps {
		if _, err := tx.Exec(step.statement, step.args...); err != nil {
			return fmt.Errorf("seed step %d: %w", i, err)
		}
	}
	return nil
}

// firstDay is the day of the oldest row.
var firstDay = dayNumber(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))

// seedRoles brings the roles an account has before any bundle. The internal id of Administrator is 3 in
// every account; the other ids and the permissions are made up for tests: a role for each way in which a
// token can be good and still not enough.
func seedRoles(tx *sql.Tx) error {
	roles := []Role{
		{ID: RoleAdministrator, ScriptID: "administrator", Name: "Administrator", FullAccess: true},
		{ID: 1, ScriptID: "accountant", Name: "Accountant", Permissions: map[string]int{
			"LIST_CUSTJOB": 4, "LIST_VENDOR": 4, "LIST_CURRENCY": 4, "LIST_SUBSIDIARY": 1, "TRAN_SALESORD": 1,
		}},
		{ID: 6, ScriptID: "sales_person", Name: "Sales Person", Permissions: map[string]int{
			"ADMI_LOGIN_OAUTH2": 4, "ADMI_RESTWEBSERVICES": 4, "REPO_ANALYTICS": 3, "LIST_CUSTJOB": 3, "LIST_ITEM": 1, "TRAN_SALESORD": 3,
		}},
		{ID: 1000, ScriptID: "customrole_integration_manager", Name: "Integration Manager", Permissions: map[string]int{
			"ADMI_LOGIN_OAUTH2": 4, "ADMI_RESTWEBSERVICES": 4, "ADMI_MANAGE_OWN_OAUTH2_CERTS": 4, "REPO_ANALYTICS": 3,
			"ADMI_CUSTOMSCRIPT": 1, "LIST_EMPLOYEE": 1, "LIST_CUSTJOB": 4, "LIST_ITEM": 1, "TRAN_SALESORD": 1,
		}},
		{ID: 1001, ScriptID: "customrole_warehouse_interface", Name: "Warehouse Interface", WebServicesOnly: true, Permissions: map[string]int{
			"ADMI_LOGIN_OAUTH2": 4, "ADMI_RESTWEBSERVICES": 4, "LIST_ITEM": 1,
		}},
		{ID: 1002, ScriptID: "customrole_portal", Name: "Portal", Permissions: map[string]int{
			"ADMI_LOGIN_OAUTH2": 4, "LIST_CUSTJOB": 1,
		}},
	}
	for _, r := range roles {
		if err := insertRole(tx, r); err != nil {
			return err
		}
	}
	return nil
}

const seedDual = `INSERT INTO dual (dummy) VALUES ('X')`

const seedCurrencies = `INSERT INTO currency (id, name, symbol, isbasecurrency, isinactive, exchangerate) VALUES
	(1, 'US Dollar', 'USD', 'T', 'F', 1), (2, 'British Pound', 'GBP', 'F', 'F', 1.27), (4, 'Euro', 'EUR', 'F', 'F', 1.08)`

const seedSubsidiaries = `INSERT INTO subsidiary (id, name, fullname, country, isinactive, parent, currency) VALUES
	(1, ?1, ?1, 'US', 'F', NULL, 1),
	(2, ?1 || ' Europe', ?1 || ' : ' || ?1 || ' Europe', 'DE', 'F', 1, 4)`

// Oracle's sample tokens carry the entity -5 for the administrator. The dedicated integration user holds no
// role yet, as in an account before onboarding.
const seedEmployees = `INSERT INTO employee (id, entityid, firstname, lastname, email, title, giveaccess, isinactive, supervisor, rolesforsearch) VALUES
	(-5, 'Ada Admin', 'Ada', 'Admin', 'admin@globex.example', 'Head of IT', 'T', 'F', NULL, '3'),
	(11, 'Sam Sales', 'Sam', 'Sales', 'sales@globex.example', 'Sales Representative', 'T', 'F', -5, '6'),
	(12, 'Acme Integration', 'Acme', 'Integration', 'integration@globex.example', NULL, 'T', 'F', -5, NULL),
	(13, 'Carla Count', 'Carla', 'Count', 'accounting@globex.example', 'Accountant', 'T', 'F', -5, '1'),
	(14, 'Ivo Interface', 'Ivo', 'Interface', 'interfaces@globex.example', 'Integration Engineer', 'T', 'F', -5, '1000, 1001'),
	(15, 'Olga Old', 'Olga', 'Old', 'former@globex.example', 'Accountant', 'T', 'T', 13, '1, 6'),
	(16, 'Noel Nolog', 'Noel', 'Nolog', 'noel@globex.example', 'Driver', 'F', 'F', 11, NULL),
	(17, 'Petra Portal', 'Petra', 'Portal', 'portal@globex.example', 'Web Editor', 'T', 'F', 14, '6, 1002')`

const seedScripts = `INSERT INTO script (id, scriptid, name, scripttype, isinactive) VALUES
	(481, 'customscript_globex_dunning', 'Globex Dunning', 'SCHEDULED', 'F')`

const seedVendors = `INSERT INTO vendor (id, entityid, companyname, email, isinactive, datecreated, lastmodifieddate, subsidiary, currency)
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
	SELECT 500 + i, 'VEND' || printf('%04d', i), 'Supplier ' || i || ' Inc.', 'orders@supplier' || i || '.example', 'F', 19723 + i, 19723 + i, 1 + i % 2, 1
	FROM n`

// Some columns are empty in some rows, one customer in forty is inactive.
const seedCustomers = `INSERT INTO customer (id, entityid, companyname, isperson, email, phone, creditlimit, isinactive, externalid,
		datecreated, lastmodifieddate, subsidiary, currency, salesrep)
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
	SELECT 1000 + i, 'CUST' || printf('%04d', i),
		CASE i % 7 WHEN 0 THEN 'Alder' WHEN 1 THEN 'Birch' WHEN 2 THEN 'Cedar' WHEN 3 THEN 'Dogwood' WHEN 4 THEN 'Elm' WHEN 5 THEN 'Fir' ELSE 'Ginkgo' END
			|| CASE i % 5 WHEN 0 THEN ' Bakery ' WHEN 1 THEN ' Cycles ' WHEN 2 THEN ' Dental ' WHEN 3 THEN ' Books ' ELSE ' Garden ' END || i,
		'F', 'office@customer' || i || '.example',
		CASE WHEN i % 3 <> 0 THEN printf('555-%04d', i) END, CASE WHEN i % 4 = 0 THEN 500 * (i % 20) + 1000 END,
		CASE WHEN i % 40 = 0 THEN 'T' ELSE 'F' END, CASE WHEN i % 2 = 0 THEN 'crm-' || i END,
		?2 + i % 700, ?2 + i % 700, 1 + (i % 5 = 0), CASE WHEN i % 5 = 0 THEN 4 ELSE 1 END, CASE WHEN i % 6 <> 0 THEN 11 END
	FROM n`

// One contact for every fourth customer.
const seedContacts = `INSERT INTO contact (id, entityid, firstname, lastname, title, email, phone, isinactive, datecreated, lastmodifieddate, company, subsidiary)
	SELECT 5000 + c.id, 'Pat Buyer ' || c.id, 'Pat', 'Buyer ' || c.id, CASE WHEN c.id % 8 = 0 THEN 'Purchasing' END,
		'buyer' || c.id || '@customer.example', c.phone, 'F', ?1 + c.id % 700, ?1 + c.id % 700, c.id, c.subsidiary
	FROM customer c WHERE c.id % 4 = 0`

const seedAccounts = `INSERT INTO account (id, acctnumber, accountsearchdisplayname, accttype, isinactive) VALUES
	(1, '1000', '1000 Checking', 'Bank', 'F'), (2, '1100', '1100 Accounts Receivable', 'AcctRec', 'F'),
	(3, '2000', '2000 Accounts Payable', 'AcctPay', 'F'), (4, '4000', '4000 Sales', 'Income', 'F'),
	(5, '5000', '5000 Cost of Goods Sold', 'COGS', 'F'), (6, '6000', '6000 Expenses', 'Expense', 'F')`

const seedItems = `INSERT INTO item (id, itemid, displayname, description, itemtype, isinactive, cost, createddate, lastmodifieddate)
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
	SELECT 200 + i, 'SKU-' || printf('%03d', i), 'Part ' || i, CASE WHEN i % 2 = 0 THEN 'Part ' || i || ' in a box' END,
		CASE WHEN i % 10 = 0 THEN 'Service' WHEN i % 7 = 0 THEN 'NonInvtPart' ELSE 'InvtPart' END,
		CASE WHEN i % 30 = 0 THEN 'T' ELSE 'F' END, (i * 37 % 900 + 50) / 4.0, ?2 + i, ?2 + i
	FROM n`

const seedOrders = `INSERT INTO "transaction" (id, type, abbrevtype, tranid, trandate, createddate, lastmodifieddate, entity, status, currency, exchangerate, employee, posting, memo)
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
	SELECT 10000 + i, 'SalesOrd', 'SALESORD', 'SO' || (10000 + i), ?3 + i * 7 % 720, ?3 + i * 7 % 720 + 0.375, ?3 + i * 7 % 720 + 0.5,
		1001 + i * 131 % ?2, substr('ABFGH', 1 + i % 5, 1), 1, 1, 11, 'F', CASE WHEN i % 9 = 0 THEN 'Rush order' END
	FROM n`

// One to four lines per order; quantities and amounts are positive (a guess: NetSuite may show the sign of
// the posting).
const seedOrderLines = `INSERT INTO transactionline (id, linesequencenumber, "transaction", item, quantity, rate, netamount, foreignamount, mainline, isclosed, subsidiary)
	WITH pos(k) AS (VALUES (1), (2), (3), (4))
	SELECT k, k, t.id, i.id, 1 + t.id * k % 12, i.cost * 2, (1 + t.id * k % 12) * i.cost * 2, (1 + t.id * k % 12) * i.cost * 2, 'F', 'F', 1
	FROM "transaction" t JOIN pos ON k <= 1 + t.id % 4 JOIN item i ON i.id = 201 + (t.id * 17 + k * 53) % ?1`

// The totals are reckoned like the lines, not summed over them: with many orders, that grouping is the slowest part.
const seedTotals = `UPDATE "transaction" AS t SET foreigntotal = (
	WITH pos(k) AS (VALUES (1), (2), (3), (4))
	SELECT sum((1 + t.id * k % 12) * i.cost * 2) FROM pos JOIN item i ON i.id = 201 + (t.id * 17 + k * 53) % ?1 WHERE k <= 1 + t.id % 4)`

const seedMainLines = `INSERT INTO transactionline (id, linesequencenumber, "transaction", netamount, foreignamount, mainline, isclosed, subsidiary)
	SELECT 0, 0, id, foreigntotal, foreigntotal, 'T', 'F', 1 FROM "transaction"`
