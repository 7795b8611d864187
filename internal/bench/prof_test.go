package bench

import (
	"os"
	"runtime/pprof"
)

func init() {
	if p := os.Getenv("BENCH_PROF"); p != "" && os.Getenv(asServer) != "" {
		f, _ := os.Create(p + "." + os.Getenv(asServer))
		pprof.StartCPUProfile(f)
		stopProf = func() { pprof.StopCPUProfile(); f.Close() }
	}
}
