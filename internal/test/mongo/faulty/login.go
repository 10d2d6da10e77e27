package faulty

import (
	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	unauthorized         = 13
	mechanismUnavailable = 334

	iterations = 4096 // the least that the driver accepts
)

// login is how far a connection's login has come.
type login struct {
	conversation *scram.ServerConversation
	done         bool
}

// SetPassword has every user log in by SCRAM-SHA-256 with this password.
// Connections that are logged in stay so, as with MongoDB. Without a password no
// login succeeds, and none is needed.
func (s *Server) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
}

// locked reports whether a command needs a login that its connection has not.
func (s *Server) locked(call *Call) bool {
	switch call.Name {
	case "hello", "saslStart", "saslContinue":
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.password != "" && !call.login.done
}

func (s *Server) saslStart(call *Call) bson.D {
	s.mu.Lock()
	password := s.password
	s.mu.Unlock()
	if password == "" {
		return failure(authenticationFailed, "Authentication failed.")
	}
	if name, _ := call.Body.Lookup("mechanism").StringValueOK(); name != "SCRAM-SHA-256" {
		return failure(mechanismUnavailable, "no such mechanism: "+name)
	}
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		return failure(internalError, err.Error())
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) {
		return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: iterations})
	})
	if err != nil {
		return failure(internalError, err.Error())
	}
	call.login.conversation = server.NewConversation()
	return s.saslContinue(call)
}

func (s *Server) saslContinue(call *Call) bson.D {
	_, payload, isBinary := call.Body.Lookup("payload").BinaryOK()
	if !isBinary || call.login.conversation == nil {
		return failure(authenticationFailed, "Authentication failed.")
	}
	answer, err := call.login.conversation.Step(string(payload))
	if err != nil {
		return failure(authenticationFailed, "Authentication failed.")
	}
	call.login.done = call.login.conversation.Valid()
	return ok(bson.E{Key: "conversationId", Value: int32(1)}, bson.E{Key: "done", Value: call.login.done},
		bson.E{Key: "payload", Value: bson.Binary{Data: []byte(answer)}})
}
