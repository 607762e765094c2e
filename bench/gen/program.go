package main

import "fmt"

// rng is splitmix64: the same numbers with every Go version.
type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
func (r *rng) below(n int) int { return int(r.next() % uint64(n)) }

// skewed prefers small numbers: a few callees get most of the calls, as in real programs.
func (r *rng) skewed(n int) int {
	f := float64(r.next()>>11) / (1 << 53)
	return int(f * f * f * float64(n))
}

type function struct {
	name, file string
	line       int
	calls      []call
}

// call is a place in a function's code: an address, and what is called there; inlined calls share the address of
// the function that they were inlined into.
type call struct {
	callee  int
	line    int
	inlined bool
}

var (
	hosts    = []string{"github.com/acme/payments", "github.com/acme/platform", "gopkg.in/yaml.v3", "google.golang.org/grpc", "k8s.io/client-go", "go.opentelemetry.io/otel/sdk", "github.com/jackc/pgx/v5"}
	folders  = []string{"ledger", "store", "router", "transport", "codec", "cache", "auth", "billing", "scheduler", "index", "pool", "session", "replica", "gateway", "metrics", "stream"}
	types    = []string{"Store", "Client", "Server", "Encoder", "Decoder", "Handler", "Conn", "Pool", "Writer", "Reader", "Tree", "Queue", "Batch", "Cursor"}
	verbs    = []string{"Apply", "Get", "Put", "Scan", "Encode", "Decode", "Flush", "Next", "Handle", "Serve", "Commit", "Lookup", "Merge", "Split", "Acquire", "Release", "Validate", "Render"}
	standard = []string{"runtime.mallocgc", "runtime.memmove", "runtime.scanobject", "runtime.growslice", "runtime.mapaccess2_faststr", "runtime.mapassign_faststr", "runtime.chansend", "runtime.selectgo", "runtime.futex", "runtime.findRunnable", "runtime.schedule", "runtime.gcDrain", "runtime.greyobject", "runtime.nextFreeFast", "runtime.memclrNoHeapPointers", "runtime.convTstring", "encoding/json.(*encodeState).string", "encoding/json.structEncoder.encode", "encoding/json.(*decodeState).object", "reflect.Value.Field", "reflect.(*rtype).Method", "strconv.AppendInt", "strings.(*Builder).WriteString", "bytes.(*Buffer).Write", "sync.(*Mutex).Lock", "sync.(*Pool).Get", "sort.Sort", "regexp.(*Regexp).tryBacktrack", "crypto/sha256.block", "compress/flate.(*compressor).deflate", "bufio.(*Writer).Write", "net/http.(*conn).serve", "net/http.serverHandler.ServeHTTP", "net/http.HandlerFunc.ServeHTTP", "net.(*conn).Read", "internal/poll.(*FD).Read", "syscall.Syscall", "context.WithValue", "time.Now", "fmt.Fprintf", "fmt.(*pp).printArg"}
)

// program makes n functions that call each other downwards only, so that walks end.
func program(r *rng, n int) []function {
	fns := make([]function, n)
	for i := range fns {
		f := &fns[i]
		if n-i <= len(standard) {
			k := n - i - 1
			f.name, f.file = standard[k], fmt.Sprintf("/usr/local/go/src/runtime/file%d.go", k)
		} else {
			pkg := fmt.Sprintf("%s/internal/%s/%s%d", hosts[r.skewed(len(hosts))], folders[r.below(len(folders))], folders[r.below(len(folders))], r.skewed(12))
			t, v := types[r.below(len(types))], verbs[r.below(len(verbs))]
			switch r.below(10) {
			case 0:
				f.name = fmt.Sprintf("%s.%s%d", pkg, v, i)
			case 1:
				f.name = fmt.Sprintf("%s.(*%s).%s%d.func%d", pkg, t, v, i, 1+r.below(4))
			case 2:
				f.name = fmt.Sprintf("%s.%s%d[go.shape.string,go.shape.int]", pkg, v, i)
			case 3:
				f.name = fmt.Sprintf("%s.%s.%s%d", pkg, t, v, i)
			default:
				f.name = fmt.Sprintf("%s.(*%s).%s%d", pkg, t, v, i)
			}
			f.file = fmt.Sprintf("/go/pkg/mod/%s@v1.%d.%d/%s%d.go", pkg, r.below(40), r.below(9), folders[r.below(len(folders))], r.below(5))
		}
		f.line = 10 + r.below(1500)
		for k, want := 0, 2+r.below(9); k < want && i+1 < n; k++ {
			step := 1 + r.skewed(min(n-i-1, 1+n/18))
			f.calls = append(f.calls, call{i + step, f.line + 1 + r.below(60), r.below(12) == 0})
		}
		// Work of its own comes last.
		f.calls = append(f.calls, call{-1, f.line + 1 + r.below(60), false})
	}
	return fns
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
