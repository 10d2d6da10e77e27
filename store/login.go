package store

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"

	"ingestion/internal/reread"
)

// loginAgain has the client take the user's password from a file, which is read
// again for each login. The driver's own mechanisms have a fixed password. So it
// gets a mechanism of ours, which has the driver log in by the one that was chosen,
// with the password of the moment.
func loginAgain(opts *options.ClientOptions, path string, stale func(error)) error {
	if path == "" {
		return nil
	}
	file, err := reread.New(func() (string, error) {
		password, err := reread.Password(path)
		if err != nil {
			return "", fmt.Errorf("the file with the password %w", err)
		}
		return password, nil
	}, stale)
	if err != nil {
		return err
	}
	credential := options.Credential{}
	if opts.Auth != nil {
		credential = *opts.Auth
	}
	credential.PasswordSet = true
	credential.Password, _ = file.Current()
	opts.SetAuth(credential)
	if err := opts.Validate(); err != nil || !slices.Contains(rereadable, credential.AuthMechanism) {
		return err
	}
	credential.AuthMechanismProperties = map[string]string{chosenMechanism: credential.AuthMechanism}
	credential.AuthMechanism = fileMechanism
	// The one function of a credential that is asked at the login. Only another
	// mechanism than ours uses it for tokens.
	credential.OIDCMachineCallback = func(context.Context, *options.OIDCArgs) (*options.OIDCCredential, error) {
		password, _ := file.Current() // the last one that could be read is reported as stale
		return &options.OIDCCredential{AccessToken: password}, nil
	}
	opts.SetAuth(credential)
	return nil
}

// rereadable are the mechanisms with a password of the user; "" is the best SCRAM
// that the server knows for the user.
var rereadable = []string{"", auth.SCRAMSHA1, auth.SCRAMSHA256, auth.PLAIN}

const (
	fileMechanism   = "ingestion-password-file"
	chosenMechanism = "mechanism"
)

func init() { auth.RegisterAuthenticatorFactory(fileMechanism, newFileLogin) }

// fileLogin logs in with the password of a file.
type fileLogin struct {
	cred   auth.Cred
	client *http.Client
}

var _ auth.Authenticator = (*fileLogin)(nil)

func newFileLogin(cred *auth.Cred, client *http.Client) (auth.Authenticator, error) {
	l := &fileLogin{cred: *cred, client: client}
	_, err := l.chosen(cred.Password) // says at the start what the driver can't use
	return l, err
}

// chosen returns the driver's authenticator for a password.
func (l *fileLogin) chosen(password string) (auth.Authenticator, error) {
	cred := l.cred
	cred.Password, cred.OIDCMachineCallback, cred.Props = password, nil, nil
	return auth.CreateAuthenticator(l.cred.Props[chosenMechanism], &cred, l.client)
}

func (l *fileLogin) current(ctx context.Context) (auth.Authenticator, error) {
	password, err := l.cred.OIDCMachineCallback(ctx, nil)
	if err != nil {
		return nil, err
	}
	return l.chosen(password.AccessToken)
}

// Auth logs a new connection in.
func (l *fileLogin) Auth(ctx context.Context, cfg *driver.AuthConfig) error {
	authenticator, err := l.current(ctx)
	if err != nil {
		return err
	}
	negotiated := *cfg
	if l.cred.Props[chosenMechanism] == "" {
		if negotiated.HandshakeInfo.SaslSupportedMechs, err = l.mechanisms(ctx, cfg); err != nil {
			return err
		}
	}
	return authenticator.Auth(ctx, &negotiated)
}

// Reauth is for tokens that expire.
func (l *fileLogin) Reauth(ctx context.Context, cfg *driver.AuthConfig) error {
	authenticator, err := l.current(ctx)
	if err != nil {
		return err
	}
	return authenticator.Reauth(ctx, cfg)
}

// mechanisms asks the server by which mechanisms the user can log in. The driver
// asks that in its first command, but not for a mechanism of ours.
func (l *fileLogin) mechanisms(ctx context.Context, cfg *driver.AuthConfig) (names []string, err error) {
	hello := "isMaster" // of any server
	if cfg.HandshakeInfo.Description.HelloOK || cfg.ServerAPI != nil {
		hello = "hello"
	}
	source := l.cred.Source
	if source == "" {
		source = "admin"
	}
	err = driver.Operation{
		CommandFn: func(dst []byte, _ description.SelectedServer) ([]byte, error) {
			dst = bsoncore.AppendInt32Element(dst, hello, 1)
			return bsoncore.AppendStringElement(dst, "saslSupportedMechs", source+"."+l.cred.Username), nil
		},
		ProcessResponseFn: func(_ context.Context, reply bsoncore.Document, _ driver.ResponseInfo) error {
			var supported struct{ SaslSupportedMechs []string }
			err := bson.Unmarshal(reply, &supported)
			names = supported.SaslSupportedMechs
			return err
		},
		Database: "admin", Deployment: driver.SingleConnectionDeployment{C: cfg.Connection},
		Clock: cfg.ClusterClock, ServerAPI: cfg.ServerAPI,
	}.Execute(ctx)
	return names, err
}
