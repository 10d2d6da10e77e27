module ingestion/deploy/helm/check

go 1.26.0

// For its schema and the names of its scalers' parameters; nothing of it is compiled.
require github.com/kedacore/keda/v2 v2.18.1
