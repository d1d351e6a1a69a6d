// Checks dashboards against Grafana's own schema, as its Foundation SDK has it. Usage: go run . FILE...
//
// Two readings of each file. The strict one names keys and types that the schema does not know; what it reads is not used, as
// this version of the SDK drops what lies deeper in it. The plain one is then validated: bounds, and values of enumerations.
// Not noticed: panel types and units, which are free text in the schema (lint.py knows them), and PromQL.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func problems(path string) (found []string, panels int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return []string{err.Error()}, 0
	}
	var strict, plain dashboard.Dashboard
	// On success this is an error with an empty text, not nil.
	if err := strict.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		found = append(found, err.Error())
	}
	if err := json.Unmarshal(text, &plain); err != nil {
		return append(found, err.Error()), 0
	}
	if err := plain.Validate(); err != nil && err.Error() != "" {
		found = append(found, err.Error())
	}
	return found, len(plain.Panels)
}

func main() {
	plugins.RegisterDefaultPlugins()
	failed := 0
	for _, path := range os.Args[1:] {
		found, panels := problems(path)
		for _, problem := range found {
			fmt.Printf("%s: %s\n", path, problem)
			failed = 1
		}
		if panels == 0 {
			fmt.Printf("%s: no panels were read\n", path)
			failed = 1
		}
	}
	os.Exit(failed)
}
