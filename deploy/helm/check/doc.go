// Package check has the tests of the chart: it is rendered with Helm's own code, and what
// comes out is decoded strictly into the types of Kubernetes and of the Prometheus
// Operator, and checked against KEDA's schema. It is a module of its own, so that the
// service does not depend on any of these.
//
// What each set of values is rendered to is in testdata/rendered, to be read, and for the
// tests of test/deploy, which run the programs with it.
package check
