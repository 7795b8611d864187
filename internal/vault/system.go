package vault

import (
	"errors"

	"github.com/zalando/go-keyring"

	"github.com/suitekey/suitekey/internal/broker"
)

// keyringService names our entries in the system's keyring; each is named by the ID of the key in it.
const keyringService = "suitekey"

// newestEntry names the entry for new profiles, which repeats one of the others.
const newestEntry = "newest"

// SystemKey returns the master key of this ID from the keyring of the person's log-in: Keychain, Credential Manager or the Secret
// Service. An empty ID means the one for what is sealed anew, which is made when there is none. CodeNoKey says that this machine has no
// such keyring, or that the key is not in it.
func SystemKey(id string) (MasterKey, error) {
	text, err := keyring.Get(keyringService, entry(id))
	switch {
	case err == nil:
		return ParseMasterKey(text)
	case errors.Is(err, keyring.ErrNotFound) && id == "":
		return makeSystemKey()
	case errors.Is(err, keyring.ErrNotFound):
		return MasterKey{}, broker.Errorf(broker.CodeNoKey, "the system's keyring does not hold the master key with ID %q", id)
	}
	return MasterKey{}, broker.Errorf(broker.CodeNoKey, "this machine has no keyring that can be used").WithCause(err)
}

func entry(id string) string {
	if id == "" {
		return newestEntry
	}
	return id
}

func makeSystemKey() (MasterKey, error) {
	key := NewMasterKey()
	err := keyring.Set(keyringService, key.ID(), key.Reveal())
	if err == nil {
		err = keyring.Set(keyringService, newestEntry, key.Reveal())
	}
	if err != nil {
		return MasterKey{}, broker.Errorf(broker.CodeNoKey, "the system's keyring does not take a master key").WithCause(err)
	}
	return key, nil
}
