package check

import (
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
)

// decoder knows the types of Kubernetes and of the Prometheus Operator, and takes no field
// that they do not have.
var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kubernetes.AddToScheme, monitoring.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

func decode(document string) (runtime.Object, error) {
	object, _, err := decoder.Decode([]byte(document), nil, nil)
	return object, err
}

// The decoder must notice what it is there for.
func TestTheDecoderIsStrict(t *testing.T) {
	rendered, err := render(t, valuesOf(t, "production"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ kind, old, instead, want string }{
		"a field that is misspelt":   {"Deployment", "readOnlyRootFilesystem:", "readOnlyRootFileSystem:", `unknown field "spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem"`},
		"a field in the wrong place": {"Service", "  selector:", "  podSelector:", `unknown field "spec.podSelector"`},
		"a number for a text":        {"Deployment", `value: "8"`, "value: 8", "cannot unmarshal number"},
		"a version that is gone":     {"PodDisruptionBudget", "policy/v1", "policy/v3", "no kind"},
		"of the Prometheus Operator": {"ServiceMonitor", "jobLabel:", "jobName:", `unknown field "spec.jobName"`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, document := range documents(rendered) {
				if _, kind, _ := kindOf(t, document); kind != c.kind || !strings.Contains(document, c.old) {
					continue
				}
				_, err := decode(strings.Replace(document, c.old, c.instead, 1))
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("the error is %v, want %s", err, c.want)
				}
				return
			}
			t.Errorf("no %s has %s", c.kind, c.old)
		})
	}
}
