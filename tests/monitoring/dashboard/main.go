// Reads dashboards as Grafana's own types have them, and refuses what these don't know.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	err = dashboard.NewDashboard().UnmarshalJSONStrict(text)
	// A dashboard without a fault is answered with an empty list of faults, which is not nil.
	var faults cog.BuildErrors
	if errors.As(err, &faults) && len(faults) == 0 {
		return nil
	}
	return err
}

func main() {
	plugins.RegisterDefaultPlugins()
	for _, path := range os.Args[1:] {
		if err := read(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}
