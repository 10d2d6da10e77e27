package redisconn

import (
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Fresh returns a client with one connection of its own, which it dials as client
// does: so it comes to the server that is the master now, as Sentinels or a name
// in the network have it, while client may hold connections to the one before.
// The caller closes it.
func Fresh(client *redis.Client) *redis.Client {
	o := client.Options()
	return redis.NewClient(&redis.Options{
		Addr: o.Addr, Network: o.Network, Dialer: o.Dialer, TLSConfig: o.TLSConfig, DB: o.DB, Protocol: o.Protocol, ClientName: o.ClientName,
		Username: o.Username, Password: o.Password, CredentialsProviderContext: o.CredentialsProviderContext,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
		MaxRetries: -1, DialerRetries: 1, PoolSize: 1, PipelinePoolSize: -1, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}
