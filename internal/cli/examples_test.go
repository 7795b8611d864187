package cli

import "testing"

// The example that the guides point at must be a valid definition.
func TestExampleAppFile(t *testing.T) {
	app, _, err := readAppFile("../../examples/acme-sync.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Validate(true); err != nil {
		t.Errorf("not valid for the real NetSuite: %v", err)
	}
}
