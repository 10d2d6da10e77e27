package check

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

// installation is what a set of values is rendered to. Each object is valid by itself;
// check finds those that do not fit together.
type installation struct {
	t           *testing.T
	objects     []runtime.Object
	deployments []*apps.Deployment
	services    []*core.Service
	scaled      map[string]bool // the names of deployments that KEDA scales
}

func newInstallation(t *testing.T, objects []runtime.Object, docs []string) *installation {
	t.Helper()
	in := &installation{t: t, objects: objects, scaled: map[string]bool{}}
	for _, object := range objects {
		switch o := object.(type) {
		case *apps.Deployment:
			in.deployments = append(in.deployments, o)
		case *core.Service:
			in.services = append(in.services, o)
		}
	}
	for _, document := range docs {
		if _, kind, name := kindOf(t, document); kind == "ScaledObject" {
			in.scaled[name] = true // the chart gives it the name of its target
		}
	}
	return in
}

func (in *installation) check() {
	in.t.Helper()
	for _, object := range in.objects {
		in.checkNames(object.(meta.Object))
		switch o := object.(type) {
		case *apps.Deployment:
			in.checkDeployment(o)
		case *core.Service:
			in.checkService(o)
		case *policy.PodDisruptionBudget:
			in.selected(o.Name, o.Spec.Selector)
		case *networking.NetworkPolicy:
			in.checkNetworkPolicy(o)
		case *monitoring.ServiceMonitor:
			in.checkMonitor(o)
		}
	}
}

func (in *installation) checkNames(object meta.Object) {
	in.t.Helper()
	if object.GetNamespace() != release.Namespace {
		in.t.Errorf("%s is in the namespace %q", object.GetName(), object.GetNamespace())
	}
	faults := validation.IsDNS1123Label(object.GetName())
	for key, value := range object.GetLabels() {
		faults = slices.Concat(faults, validation.IsQualifiedName(key), validation.IsValidLabelValue(value))
	}
	if len(faults) > 0 {
		in.t.Errorf("%s: %v", object.GetName(), faults)
	}
}

// selected returns the one deployment whose pods a selector selects.
func (in *installation) selected(by string, selector *meta.LabelSelector) *apps.Deployment {
	in.t.Helper()
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		in.t.Fatal(err)
	}
	var found []*apps.Deployment
	for _, d := range in.deployments {
		if s.Matches(labels.Set(d.Spec.Template.Labels)) {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		in.t.Fatalf("%s selects the pods of %d deployments", by, len(found))
	}
	return found[0]
}

func (in *installation) checkDeployment(d *apps.Deployment) {
	in.t.Helper()
	if in.selected(d.Name, d.Spec.Selector) != d {
		in.t.Errorf("%s selects the pods of another deployment", d.Name)
	}
	if scaled := in.scaled[d.Name]; scaled == (d.Spec.Replicas != nil) {
		in.t.Errorf("%s: scaled by KEDA: %v, replicas: %v", d.Name, scaled, d.Spec.Replicas)
	}
	pod := d.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		in.t.Fatalf("%s has %d containers", d.Name, len(pod.Containers))
	}
	in.checkSecurity(d.Name, &pod)
	in.checkFiles(d.Name, &pod)
	in.checkEnd(d.Name, &pod)
	in.checkEnvironment(d.Name, pod.Containers[0].Env)
	for _, probe := range []*core.Probe{pod.Containers[0].LivenessProbe, pod.Containers[0].ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil || !hasPort(d, probe.HTTPGet.Port) {
			in.t.Errorf("%s: a probe that can't be sent: %v", d.Name, probe)
		}
	}
}

func (in *installation) checkSecurity(name string, pod *core.PodSpec) {
	in.t.Helper()
	c := pod.Containers[0]
	s, p := c.SecurityContext, pod.SecurityContext
	if s == nil || p == nil {
		in.t.Fatalf("%s has no security context", name)
	}
	for what, ok := range map[string]bool{
		"runs as root":              p.RunAsNonRoot != nil && *p.RunAsNonRoot,
		"writes to its image":       s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem,
		"may gain privileges":       s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation,
		"has capabilities":          s.Capabilities != nil && slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) && len(s.Capabilities.Add) == 0,
		"may call what it wants":    p.SeccompProfile != nil && p.SeccompProfile.Type == core.SeccompProfileTypeRuntimeDefault,
		"has a token":               pod.AutomountServiceAccountToken != nil && !*pod.AutomountServiceAccountToken,
		"asks for no CPU or memory": !c.Resources.Requests.Cpu().IsZero() && !c.Resources.Requests.Memory().IsZero(),
		"may take all memory":       !c.Resources.Limits.Memory().IsZero(),
	} {
		if !ok {
			in.t.Errorf("%s %s", name, what)
		}
	}
}

// checkFiles checks that each volume is mounted, and that files that settings name are in
// one, each of a secret under the very name.
func (in *installation) checkFiles(name string, pod *core.PodSpec) {
	in.t.Helper()
	var volumes, mounted, paths []string
	files := map[string][]string{} // of the volumes that say which they have
	for _, v := range pod.Volumes {
		volumes = append(volumes, v.Name)
		files[v.Name] = filesOf(v)
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		mounted = append(mounted, m.Name)
		for _, file := range files[m.Name] {
			paths = append(paths, m.MountPath+"/"+file+"/")
		}
		if len(files[m.Name]) == 0 {
			paths = append(paths, m.MountPath+"/")
		}
	}
	slices.Sort(volumes)
	slices.Sort(mounted)
	if !slices.Equal(volumes, mounted) {
		in.t.Errorf("%s has the volumes %v, and mounts %v", name, volumes, mounted)
	}
	for _, variable := range pod.Containers[0].Env {
		file, _ := strings.CutPrefix(variable.Value, "file://")
		if strings.HasSuffix(variable.Name, "_FILE") || variable.Name == "ARCHIVE_URL" && strings.HasPrefix(file, "/") {
			file, _, _ = strings.Cut(file, "?")
			if !slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(file+"/", path) }) {
				in.t.Errorf("%s: %s=%s is in no volume: %v", name, variable.Name, variable.Value, paths)
			}
		}
	}
}

// filesOf lists the files of a volume that is made of secrets.
func filesOf(v core.Volume) []string {
	var items []core.KeyToPath
	if v.Secret != nil {
		items = v.Secret.Items
	}
	if v.Projected != nil {
		for _, source := range v.Projected.Sources {
			items = append(items, source.Secret.Items...)
		}
	}
	var files []string
	for _, item := range items {
		files = append(files, item.Path)
	}
	return files
}

// checkEnd checks that the pod is not killed while the program may still be ending.
func (in *installation) checkEnd(name string, pod *core.PodSpec) {
	in.t.Helper()
	grace := *pod.TerminationGracePeriodSeconds
	for _, variable := range pod.Containers[0].Env {
		if variable.Name != "SHUTDOWN_TIMEOUT_SEC" {
			continue
		}
		timeout, err := strconv.ParseInt(variable.Value, 10, 64)
		if err != nil || grace <= timeout+10 {
			in.t.Errorf("%s: the grace period is %d s, SHUTDOWN_TIMEOUT_SEC=%s", name, grace, variable.Value)
		}
	}
}

func (in *installation) checkEnvironment(name string, env []core.EnvVar) {
	in.t.Helper()
	seen := map[string]bool{}
	for _, variable := range env {
		if seen[variable.Name] || variable.Value == "" && variable.ValueFrom == nil || strings.Contains(variable.Value, "e+") {
			in.t.Errorf("%s: the variable %s=%q is there twice, empty, or no number", name, variable.Name, variable.Value)
		}
		seen[variable.Name] = true
	}
}

func hasPort(d *apps.Deployment, port intstr.IntOrString) bool {
	return slices.ContainsFunc(d.Spec.Template.Spec.Containers[0].Ports, func(p core.ContainerPort) bool { return p.Name == port.StrVal })
}

func (in *installation) checkService(s *core.Service) {
	in.t.Helper()
	d := in.selected(s.Name, &meta.LabelSelector{MatchLabels: s.Spec.Selector})
	for _, port := range s.Spec.Ports {
		if !hasPort(d, port.TargetPort) {
			in.t.Errorf("the service %s leads to the port %v, which %s does not have", s.Name, port.TargetPort, d.Name)
		}
	}
}

func (in *installation) checkNetworkPolicy(p *networking.NetworkPolicy) {
	in.t.Helper()
	d := in.selected(p.Name, &p.Spec.PodSelector)
	for _, rule := range p.Spec.Ingress {
		for _, port := range rule.Ports {
			if len(rule.From) == 0 || !hasPort(d, *port.Port) {
				in.t.Errorf("the policy %s opens the port %v to %v", p.Name, port.Port, rule.From)
			}
		}
	}
	if len(p.Spec.PolicyTypes) != 2 || len(p.Spec.Egress) < 2 {
		in.t.Errorf("the policy %s: %v, %d rules for what its pods reach", p.Name, p.Spec.PolicyTypes, len(p.Spec.Egress))
	}
}

// checkMonitor checks that a monitor finds one service, its port, and the label that
// becomes the job.
func (in *installation) checkMonitor(m *monitoring.ServiceMonitor) {
	in.t.Helper()
	s, err := meta.LabelSelectorAsSelector(&m.Spec.Selector)
	if err != nil {
		in.t.Fatal(err)
	}
	found := 0
	for _, service := range in.services {
		if !s.Matches(labels.Set(service.Labels)) {
			continue
		}
		found++
		if job := m.Spec.JobLabel; job != "" && service.Labels[job] != release.Name {
			in.t.Errorf("the monitor %s names the job by %s, which is %q", m.Name, job, service.Labels[job])
		}
		for _, endpoint := range m.Spec.Endpoints {
			if !slices.ContainsFunc(service.Spec.Ports, func(p core.ServicePort) bool { return p.Name == endpoint.Port }) {
				in.t.Errorf("the service %s has no port %s", service.Name, endpoint.Port)
			}
		}
	}
	if found != 1 {
		in.t.Errorf("the monitor %s finds %d services", m.Name, found)
	}
}
