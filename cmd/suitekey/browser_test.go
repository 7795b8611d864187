package main

import (
	"context"
	"fmt"
	"os"

	"github.com/suitekey/suitekey/internal/customer"
)

// browser is a program for $BROWSER that plays the administrator: it opens the address, logs in to the account of $COMPANY, and allows.

func browser() {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	c := customer.Customer{
		Browser: customer.NewBrowser(), Email: "admin@globex.example", Company: os.Getenv("COMPANY"), Home: "http://" + os.Getenv("CALLBACK"),
	}
	defer c.Close()
	page, err := c.Open(ctx, os.Args[1])
	if err == nil {
		_, err = c.ThroughNetSuite(ctx, page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}
