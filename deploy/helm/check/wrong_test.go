package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
)

const servers = `{redis: {url: "redis://redis"}, mongo: {uri: "mongodb://mongo"}}`

// Values that the schema refuses, each with a part of the reason.
func TestWrongValues(t *testing.T) {
	for name, c := range map[string]struct{ values, want string }{
		"no Redis":                          {`redis: {url: ""}`, "/redis"},
		"another database":                  {`mongo: {uri: "mysql://db"}`, "/mongo/uri"},
		"an address without a scheme":       {`redis: {url: "redis:6379"}`, "/redis/url"},
		"TLS, but not in the address":       {`redis: {tls: {caSecret: {name: ca}}}`, "want rediss instead of redis"},
		"a name, but no TLS":                {`redis: {tls: {serverName: redis.internal}}`, "want rediss instead of redis"},
		"a certificate without its key":     {`redis: {url: "rediss://redis", tls: {certSecret: {name: c, keyKey: ""}}}`, "/redis/tls/certSecret/keyKey"},
		"a file for a secret":               {`redis: {url: "rediss://redis", tls: {caSecret: {name: /run/ca.crt}}}`, "/redis/tls/caSecret/name"},
		"a login of no Sentinel":            {`redis: {sentinel: {passwordSecret: {name: s}}}`, "redis.url names no Sentinels"},
		"a Sentinel's user, no password":    {`redis: {url: "redis+sentinel://s/main", sentinel: {username: u}}`, "/redis/sentinel/passwordSecret/name"},
		"a password in the manifest":        {`redis: {url: "redis://u:p@redis"}`, "/redis/url"},
		"the same, of MongoDB":              {`mongo: {uri: "mongodb://u:p@mongo"}`, "/mongo/uri"},
		"a password without its user":       {`console: {redis: {passwordSecret: {name: p}}}`, "/console/redis"},
		"a login without TLS":               {`{redis: {url: "rediss://redis", tls: {serverName: redis.internal}}, archiver: {redis: {url: "redis://a@redis"}}}`, "archiver.redis.url is not for TLS"},
		"a port that the policy forbids":    {`{networkPolicy: {enabled: true}, redis: {url: "redis+sentinel://s1:26379,s2/main"}}`, "networkPolicy.redis.ports: without 26379, pods can't reach s1:26379 of redis.url"},
		"the same, without a port":          {`{networkPolicy: {enabled: true}, redis: {url: "redis+sentinel://s/main"}}`, "without 26379, pods can't reach s of redis.url"},
		"the same, of MongoDB, in a second": {`{networkPolicy: {enabled: true}, mongo: {uri: "mongodb://u@a,b:27018/?replicaSet=r"}}`, "networkPolicy.mongo.ports: without 27018, pods can't reach b:27018 of mongo.uri"},
		"a label that selects the pods":     {`worker: {podLabels: {app.kubernetes.io/component: mine}}`, "invalid propertyName"},
		"a value that does not exist":       {`workers: {replicas: 3}`, "workers"},
		"the same, below":                   {`worker: {replica: 3}`, "replica"},
		"a setting that does not exist":     {`settings: {STREAM_PARTITION: 3}`, "STREAM_PARTITION"},
		"a setting of the chart's own":      {`settings: {ADMIN_ADDR: ":1"}`, "ADMIN_ADDR"},
		"a fixed name for all workers":      {`settings: {STREAM_CONSUMER: me}`, "STREAM_CONSUMER"},
		"a mode that does not exist":        {`settings: {QUEUE_MODE: streams}`, "/settings/QUEUE_MODE"},
		"no partition":                      {`settings: {STREAM_PARTITIONS: 0}`, "/settings/STREAM_PARTITIONS"},
		"half a batch":                      {`settings: {BATCH_SIZE: 1.5}`, "/settings/BATCH_SIZE"},
		"a number as a text":                {`settings: {BATCH_SIZE: many}`, "/settings/BATCH_SIZE"},
		"braces in a key":                   {`settings: {STREAM_KEY: "{k}"}`, "/settings/STREAM_KEY"},
		"a duration without a unit":         {`settings: {STREAM_RETENTION: "90"}`, "/settings/STREAM_RETENTION"},
		"replicas as a text":                {`worker: {replicas: "3"}`, "/worker/replicas"},
		"fewer than none":                   {`worker: {replicas: -1}`, "/worker/replicas"},
		"no time to end":                    {`worker: {shutdownTimeoutSec: 0}`, "/worker/shutdownTimeoutSec"},
		"a duration for a number":           {`worker: {shutdownTimeoutSec: 25s}`, "/worker/shutdownTimeoutSec"},
		"all workers at a time":             {`worker: {podDisruptionBudget: {maxUnavailable: "200%"}}`, "maxUnavailable"},
		"memory in a unit that isn't":       {`worker: {resources: {limits: {memory: 256MB}}}`, "/worker/resources/limits/memory"},
		"an annotation that is no text":     {`worker: {podAnnotations: {a: 1}}`, "/worker/podAnnotations/a"},
		"a console without a login":         {`console: {enabled: true}`, "/console/secret/name"},
		"a login that does not exist":       {`console: {auth: none}`, "/console/auth"},
		"an archiver without a bucket":      {`archiver: {enabled: true}`, "/archiver/url"},
		"a bucket without a name":           {`archiver: {url: "s3:///prefix"}`, "/archiver/url"},
		"no archiver":                       {`archiver: {replicas: 0}`, "/archiver/replicas"},
		"Prometheus without a scheme":       {`keda: {prometheus: {serverAddress: "prometheus:9090"}}`, "/keda/prometheus/serverAddress"},
		"braces in the selector":            {`keda: {prometheus: {selector: '{job="x"}'}}`, "/keda/prometheus/selector"},
		"no record for a worker":            {`keda: {recordsPerWorker: 0}`, "/keda/recordsPerWorker"},
		"no worker at most":                 {`keda: {maxReplicas: 0}`, "/keda/maxReplicas"},
		"an interval with a unit":           {`serviceMonitor: {intervalSec: 15s}`, "/serviceMonitor/intervalSec"},
		"a port that does not exist":        {`networkPolicy: {redis: {ports: [70000]}}`, "/networkPolicy/redis/ports/0"},
		"no port":                           {`networkPolicy: {mongo: {ports: []}}`, "/networkPolicy/mongo/ports"},
		"root":                              {`podSecurityContext: {runAsNonRoot: false}`, "/podSecurityContext/runAsNonRoot"},
		"a tag in the repository":           {`image: {repository: "ingestion:v1"}`, "/image/repository"},
		"half a digest":                     {`image: {digest: "sha256:abc"}`, "/image/digest"},
		"a variable without a name":         {`extraEnv: [{value: x}]`, "/extraEnv/0"},
		"an archive, but list mode":         {`{settings: {QUEUE_MODE: list}, archiver: {enabled: true, url: "s3://b"}}`, "want settings.QUEUE_MODE=stream"},
		"an archive outside of its disk":    {`archiver: {enabled: true, url: "file:///var/archive"}`, "is at file:///archive"},
		"from 0, with nobody who tells":     {`keda: {enabled: true}`, "want console.enabled=true"},
		"from 0, with a console that won't": {`{keda: {enabled: true}, console: {enabled: true, auth: proxy}}`, "want console.auth=password"},
		"more at least than at most":        {`keda: {minReplicas: 9}`, "more than keda.maxReplicas"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, chartutil.CoalesceTables(parse(t, c.values), parse(t, servers)))
			if err == nil {
				t.Fatalf("accepted: %s", c.values)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the reason does not have %q: %v", c.want, err)
			}
		})
	}
}

// Nothing of the chart's own tests gets into a package, and the rules are those of
// deploy/prometheus. They are copies: links get lost in some checkouts and archives, and the
// chart would be without its alerts.
func TestThePackage(t *testing.T) {
	c := loadChart(t)
	for _, file := range c.Raw {
		if strings.HasPrefix(file.Name, "check/") {
			t.Errorf("the package has %s", file.Name)
		}
	}
	for _, name := range []string{"alerts.yml", "recording.yml"} {
		want, err := os.ReadFile(filepath.Join("..", "..", "prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(filepath.Join(chartDir, "files", name), want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		found := false
		for _, file := range c.Files {
			found = found || file.Name == "files/"+name && string(file.Data) == string(want)
		}
		if !found {
			t.Errorf("the package does not have deploy/prometheus/%s as it is (go test -C deploy/helm/check -update copies it)", name)
		}
	}
}
