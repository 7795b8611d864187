package netsuite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
