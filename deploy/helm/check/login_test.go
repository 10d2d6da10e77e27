package check

import (
	"testing"

	apps "k8s.io/api/apps/v1"
)

// login is what a program gets of a server.
type login struct{ address, secret string }

// Each program logs in as the user of its role: no role of deploy/redis/users.acl may do what
// two programs need. Without a login of its own it has the common one.
func TestLogins(t *testing.T) {
	const servers = `
redis: {url: "redis://worker@redis", passwordSecret: {name: rw}}
mongo: {uri: "mongodb://worker@mongo", passwordSecret: {name: mw}}
`
	const common = servers + `
archiver: {enabled: true, url: "s3://b"}
console: {enabled: true, secret: {name: c}}
`
	const own = servers + `
archiver: {enabled: true, url: "s3://b", redis: {url: "redis://archiver@redis", passwordSecret: {name: ra}}}
console:
  enabled: true
  secret: {name: c}
  redis: {urlSecret: {name: rv}}
  mongo: {uri: "mongodb://viewer@mongo", passwordSecret: {name: mv}}
`
	for name, c := range map[string]struct {
		values string
		redis  map[string]login
		mongo  map[string]login
	}{
		"common": {
			common,
			map[string]login{"worker": {"redis://worker@redis", "rw"}, "console": {"redis://worker@redis", "rw"}, "archiver": {"redis://worker@redis", "rw"}},
			map[string]login{"worker": {"mongodb://worker@mongo", "mw"}, "console": {"mongodb://worker@mongo", "mw"}, "archiver": {}},
		},
		"their own": {
			own,
			map[string]login{"worker": {"redis://worker@redis", "rw"}, "console": {"secret rv", ""}, "archiver": {"redis://archiver@redis", "ra"}},
			map[string]login{"worker": {"mongodb://worker@mongo", "mw"}, "console": {"mongodb://viewer@mongo", "mv"}, "archiver": {}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := render(t, parse(t, c.values))
			if err != nil {
				t.Fatal(err)
			}
			for _, document := range documents(rendered) {
				object, err := decode(document)
				if err != nil {
					t.Fatal(err)
				}
				d, ok := object.(*apps.Deployment)
				if !ok {
					continue
				}
				program := d.Spec.Template.Spec.Containers[0].Name
				if got, want := loginOf(d, "REDIS_URL", "redis"), c.redis[program]; got != want {
					t.Errorf("%s logs in to Redis with %v, want %v", program, got, want)
				}
				if got, want := loginOf(d, "MONGO_URI", "mongo-password"), c.mongo[program]; got != want {
					t.Errorf("%s logs in to MongoDB with %v, want %v", program, got, want)
				}
				delete(c.redis, program)
			}
			if len(c.redis) > 0 {
				t.Errorf("not rendered: %v", c.redis)
			}
		})
	}
}

// loginOf returns the address in a variable, and the secret of the first file of a volume.
func loginOf(d *apps.Deployment, variable, volume string) (l login) {
	pod := d.Spec.Template.Spec
	for _, v := range pod.Containers[0].Env {
		if v.Name != variable {
			continue
		}
		l.address = v.Value
		if v.ValueFrom != nil {
			l.address = "secret " + v.ValueFrom.SecretKeyRef.Name
		}
	}
	for _, v := range pod.Volumes {
		switch {
		case v.Name == volume && v.Secret != nil:
			l.secret = v.Secret.SecretName
		case v.Name == volume && v.Projected != nil:
			l.secret = v.Projected.Sources[0].Secret.Name
		}
	}
	return l
}
