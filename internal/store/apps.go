package store

import (
	"context"

	"github.com/suitekey/suitekey/internal/broker"
)

const (
	insertApp = `INSERT INTO apps (name, version, definition, client_secret, logo, logo_type, checked_at, user_client_secret)
		VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8)`
	updateApp = `UPDATE apps SET version = version + 1, definition = $3, client_secret = $4, logo = $5, logo_type = $6, checked_at = $7,
			user_client_secret = $8
		WHERE name = $1 AND version = $2`
	selectApps = `SELECT version, definition, client_secret, logo, logo_type, checked_at, user_client_secret FROM apps`
)

// SaveApp stores an app under its name.
func (d *DB) SaveApp(ctx context.Context, app *broker.App) error {
	return d.write(ctx, func(t *tx) error {
		err := t.swap(ctx, app.Version, insertApp, updateApp,
			app.Name, app.Version, asJSON{app}, app.ClientSecret, app.Logo, app.LogoType, app.CheckedAt, app.UserClientSecret)
		t.onCommit(func() { app.Version++ })
		return err
	})
}

// App finds an app by its name.
func (d *DB) App(ctx context.Context, name string) (broker.App, error) {
	return one(ctx, d.reader, scanApp, selectApps+` WHERE name = $1`, name)
}

// Apps lists all apps by name.
func (d *DB) Apps(ctx context.Context) ([]broker.App, error) {
	return list(ctx, d.reader, scanApp, selectApps+` ORDER BY name`)
}

func scanApp(row scanner) (app broker.App, err error) {
	err = row.Scan(&app.Version, fromJSON{&app}, sealed(&app.ClientSecret), raw{&app.Logo}, &app.LogoType, moment{&app.CheckedAt}, sealed(&app.UserClientSecret))
	return app, err
}
