package main

import "flag"

// The properties run whole commands, so fewer checks than rapid's 100 by default.
func init() { _ = flag.Set("rapid.checks", "25") }
