package netsuite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/suitekey/suitekey/netsuite"
	"github.com/suitekey/suitekey/netsuitetest"
)

// All customers of an account, however many, into a file. The key makes it safe while others work in the account.
func ExampleWriteCSV() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	rows := api.Query(ctx, netsuite.Query{SQL: "SELECT id, companyname, creditlimit FROM customer", Key: "id"})
	var file strings.Builder
	n, err := netsuite.WriteCSV(&file, rows, &netsuite.CSVOptions{Columns: []string{"id", "companyname", "creditlimit"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(file.String(), "\r\n", "\n")) // lines end as RFC 4180 has it
	fmt.Println(n, "rows")
	// Output:
	// id,companyname,creditlimit
	// 1001,Birch Cycles 1,
	// 1002,Cedar Dental 2,
	// 1003,Dogwood Books 3,
	// 1004,Elm Garden 4,3000
	// 4 rows
}

// Rows of a type of one's own. What can be null is a pointer.
func ExampleRows() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 40)
	defer emulator.Close()
	api := emulator.administrator()

	type customer struct {
		ID    int64
		Name  string `suiteql:"companyname"`
		Phone *string
	}
	query, err := netsuite.Bind("SELECT id, companyname, phone FROM customer WHERE companyname LIKE ? AND isinactive = ?", "Alder%", false)
	if err != nil {
		fmt.Println(err)
		return
	}
	for c, err := range netsuite.Rows[customer](ctx, api, netsuite.Query{SQL: query, Key: "id"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.ID, c.Name, c.Phone != nil)
	}
	// Output:
	// 1007 Alder Dental 7 true
	// 1014 Alder Garden 14 true
	// 1021 Alder Cycles 21 false
	// 1028 Alder Books 28 true
	// 1035 Alder Bakery 35 true
}

func ExampleAPI_Query() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 2500)
	defer emulator.Close()
	api := emulator.administrator()

	query := netsuite.Query{
		SQL: "SELECT id, companyname FROM customer", Key: "companyname",
		Progress: func(rows, total int) { fmt.Println(rows, "of", total) },
	}
	for row, err := range api.Query(ctx, query) {
		if errors.Is(err, netsuite.ErrKeyOrder) {
			fmt.Println(err)
			query.Key = "id"
			break
		}
		fmt.Println(row.Get("companyname"))
	}
	for row, err := range api.Query(ctx, query) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if id, err := row.Int("id"); err == nil && id == 3333 {
			fmt.Println(row)
			break
		}
	}
	// Output:
	// SuiteQL query: the key companyname is "Alder Bakery 1015", which is not a number (set Query.TextKey, or name a column of numbers)
	// 1000 of 2500
	// 1999 of 2500
	// 2500 of 2500
	// {"id":"3333","companyname":"Cedar Books 2333"}
}

// One page. Query reads them all.
func ExampleAPI_SuiteQL() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 40)
	defer emulator.Close()
	api := emulator.administrator()

	page, err := api.SuiteQL(ctx, "SELECT id, companyname FROM customer ORDER BY id", 3, 6) // the third page of three
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range page.Rows {
		fmt.Println(row.Get("id"), row.Get("companyname"))
	}
	fmt.Println(page.Offset, page.Count, page.Total, page.HasMore)
	// Output:
	// 1007 Alder Dental 7
	// 1008 Birch Books 8
	// 1009 Cedar Garden 9
	// 6 3 40 true
}

func ExampleWriteJSONLines() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	rows := api.Query(ctx, netsuite.Query{SQL: "SELECT id, companyname, creditlimit FROM customer", Key: "id"})
	n, err := netsuite.WriteJSONLines(os.Stdout, rows)
	fmt.Println(n, "rows", err)
	// Output:
	// {"id":"1001","companyname":"Birch Cycles 1"}
	// {"id":"1002","companyname":"Cedar Dental 2"}
	// {"id":"1003","companyname":"Dogwood Books 3"}
	// {"id":"1004","companyname":"Elm Garden 4","creditlimit":"3000"}
	// 4 rows <nil>
}

// Values are text, as NetSuite sends them. What is null is not there.
func ExampleRow() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	page, err := api.SuiteQL(ctx, "SELECT id, companyname, phone, creditlimit, isinactive, datecreated FROM customer WHERE id = 1004", 1, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	row := page.Rows[0]
	fmt.Println(row.Get("companyname"), row.Columns())
	fmt.Println(row.Int("id"))
	fmt.Println(row.Float("creditlimit"))
	fmt.Println(row.Bool("isinactive"))
	fmt.Println(row.Time("datecreated", "1/2/2006")) // in the account's format
	_, err = row.Int("memo")
	fmt.Println(err)
	for name, text := range row.All() {
		fmt.Print(name, "=", text, " ")
	}
	fmt.Println()
	// Output:
	// Elm Garden 4 [id companyname phone creditlimit isinactive datecreated]
	// 1004 <nil>
	// 3000 <nil>
	// false <nil>
	// 2024-01-05 00:00:00 +0000 UTC <nil>
	// column "memo" is null or not selected, want a whole number of 64 bits
	// id=1004 companyname=Elm Garden 4 phone=555-0004 creditlimit=3000 isinactive=F datecreated=1/5/2024
}

// Rows does so for all rows of a query.
func ExampleRow_Decode() {
	ctx := context.Background()
	emulator := openEmulator(netsuitetest.Integration{}, netsuitetest.Settings{}, 4)
	defer emulator.Close()
	api := emulator.administrator()

	page, err := api.SuiteQL(ctx, "SELECT id, companyname, phone FROM customer ORDER BY id", 3, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range page.Rows {
		var c struct {
			ID    int64
			Name  string `suiteql:"companyname"`
			Phone *string
		}
		if err := row.Decode(&c); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.ID, c.Name, c.Phone != nil)
	}
	// Output:
	// 1001 Birch Cycles 1 true
	// 1002 Cedar Dental 2 true
	// 1003 Dogwood Books 3 false
}

func ExampleBind() {
	query, err := netsuite.Bind("SELECT id FROM customer WHERE companyname = ? AND subsidiary IN (?) AND isinactive = ?", "O'Neil", []int{1, 4}, false)
	fmt.Println(query, err)
	// Output:
	// SELECT id FROM customer WHERE companyname = 'O''Neil' AND subsidiary IN (1, 4) AND isinactive = 'F' <nil>
}

// A page that was kept reads as the one that was fetched.
func ExamplePage_UnmarshalJSON() {
	kept := `{"links":[],"count":2,"hasMore":false,"items":[{"links":[],"id":"1","memo":"Rush"},{"links":[],"id":"2"}],"offset":0,"totalResults":2}`
	var page netsuite.Page
	if err := json.Unmarshal([]byte(kept), &page); err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range page.Rows {
		memo, known := row.Lookup("memo")
		fmt.Printf("%s %q %t\n", row.Get("id"), memo, known)
	}
	// Output:
	// 1 "Rush" true
	// 2 "" false
}
