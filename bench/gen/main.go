// Command gen writes large CPU profiles that look like those of a big Go service: deep stacks that share their upper parts,
// inlined frames, labels, names of realistic length, messages in the order in which Go's runtime writes them (locations and functions
// before the first sample that needs them, strings last). Deterministic: the same arguments give the same bytes.
//
//	gen -samples 1000000 -out big.pprof            one profile (gzip; -plain leaves it unpacked)
//	gen -set 1000 -samples 3000 -out dir          dir/0000.pprof ..., of one program
//	gen -perf -samples 300000 -out big.perf.txt   the text of perf script
package main

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
)

// step is one frame of a walk: function f running line, called at address; inl of the callers above are inlined into it.
type step struct {
	fn, site int
}

// walk goes down from a root and returns the frames from the root to the leaf. Three quarters of the walks end in one of
// the well-known functions at the end of the list, some of them much more often than others.
func walk(r *rng, fns []function, depth int, out []step) []step {
	out = out[:0]
	f := r.skewed(60)
	for len(out) < depth {
		site := r.skewed(len(fns[f].calls) - 1)
		if len(out) < 6 {
			site = r.skewed(min(3, len(fns[f].calls)-1))
		}
		if f >= len(fns)-len(standard) {
			break
		}
		out = append(out, step{f, site})
		f = fns[f].calls[site].callee
	}
	last := &out[len(out)-1]
	last.site = len(fns[last.fn].calls) - 1
	for n := r.below(4); n > 0; n-- {
		f := len(fns) - 1 - r.skewed(len(standard)-1)
		out = append(out, step{f, r.below(len(fns[f].calls))})
	}
	return out
}

// pool is the stacks that a program has: samples repeat them, with other labels.
func pool(r *rng, fns []function, n int) [][]step {
	stacks := make([][]step, n)
	var frames []step
	for i := range stacks {
		frames = walk(r, fns, 20+r.below(44), frames)
		stacks[i] = append([]step(nil), frames...)
	}
	return stacks
}

type encoder struct {
	w        io.Writer
	buf      []byte
	fns      []function
	strings  map[string]int
	table    []string
	funcIDs  []int
	nextFunc int
	locs     map[string]uint64
	key      []byte
	ids      []uint64
	chain    []step
	msg, sub []byte
	pending  []byte
}

func varint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
func field(b []byte, n int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return varint(varint(b, uint64(n)<<3), v)
}
func nested(b []byte, n int, m []byte) []byte {
	return append(varint(varint(b, uint64(n)<<3|2), uint64(len(m))), m...)
}

func (e *encoder) str(s string) uint64 {
	id, ok := e.strings[s]
	if !ok {
		id = len(e.table)
		e.table = append(e.table, s)
		e.strings[s] = id
	}
	return uint64(id)
}

func (e *encoder) flush(limit int) {
	if len(e.buf) >= limit {
		if _, err := e.w.Write(e.buf); err != nil {
			log.Fatal(err)
		}
		e.buf = e.buf[:0]
	}
}

// function returns the id of a function; its message goes after that of the location that needed it first.
func (e *encoder) function(f int) uint64 {
	if e.funcIDs[f] == 0 {
		e.nextFunc++
		e.funcIDs[f] = e.nextFunc
		fn := e.fns[f]
		m := field(nil, 1, uint64(e.nextFunc))
		m = field(field(m, 2, e.str(fn.name)), 3, e.str(fn.name))
		m = field(field(m, 4, e.str(fn.file)), 5, uint64(fn.line))
		e.pending = nested(e.pending, 5, m)
	}
	return uint64(e.funcIDs[f])
}

// location returns the id of an address whose frames are chain, physical function first.
func (e *encoder) location(chain []step) uint64 {
	e.key = e.key[:0]
	for _, s := range chain {
		e.key = varint(varint(e.key, uint64(s.fn)), uint64(s.site))
	}
	if id, ok := e.locs[string(e.key)]; ok {
		return id
	}
	id := uint64(len(e.locs) + 1)
	e.locs[string(e.key)] = id
	m := field(e.msg[:0], 1, id)
	m = field(m, 2, 1)
	m = field(m, 3, 0x400000+id*23)
	for i := len(chain) - 1; i >= 0; i-- {
		s := chain[i]
		l := field(e.sub[:0], 1, e.function(s.fn))
		l = field(l, 2, uint64(e.fns[s.fn].calls[s.site].line))
		m = nested(m, 4, l)
		e.sub = l
	}
	e.buf = nested(e.buf, 4, m)
	e.msg = m
	e.buf = append(e.buf, e.pending...)
	e.pending = e.pending[:0]
	return id
}

func (e *encoder) valueType(n int, t, unit string) {
	e.buf = nested(e.buf, n, field(field(nil, 1, e.str(t)), 2, e.str(unit)))
}

func (e *encoder) profile(r *rng, samples int, start uint64) {
	e.strings, e.table = map[string]int{}, nil
	e.locs, e.funcIDs, e.nextFunc = map[string]uint64{}, make([]int, len(e.fns)), 0
	e.str("")
	e.valueType(1, "samples", "count")
	e.valueType(1, "cpu", "nanoseconds")
	e.valueType(11, "cpu", "nanoseconds")
	e.buf = field(e.buf, 12, 10000000)
	e.buf = field(e.buf, 9, start)
	e.buf = field(e.buf, 10, 30000000000)
	stacks := pool(r, e.fns, samples/5+1)
	var inner []byte
	for i := 0; i < samples; i++ {
		frames := stacks[r.skewed(len(stacks))]
		e.ids = e.ids[:0]
		for at := 0; at < len(frames); {
			end := at + 1
			for end < len(frames) && e.fns[frames[end-1].fn].calls[frames[end-1].site].inlined {
				end++
			}
			e.ids = append(e.ids, e.location(frames[at:end]))
			at = end
		}
		m := e.msg[:0]
		inner = inner[:0]
		for k := len(e.ids) - 1; k >= 0; k-- {
			inner = varint(inner, e.ids[k])
		}
		m = nested(m, 1, inner)
		count := uint64(1 + r.skewed(9))
		inner = varint(varint(inner[:0], count), count*10000000)
		m = nested(m, 2, inner)
		m = e.label(m, "handler", handlers[frames[0].fn%len(handlers)])
		m = e.label(m, "tenant", tenants[r.skewed(len(tenants))])
		if r.below(4) == 0 {
			m = e.label(m, "span_id", fmt.Sprintf("%016x", r.next()))
		}
		e.buf = nested(e.buf, 2, m)
		e.msg = m
		e.flush(1 << 20)
	}
	mapping := field(field(field(nil, 1, 1), 2, 0x400000), 3, 0x8000000)
	mapping = field(mapping, 5, e.str("/srv/app/payments"))
	mapping = field(mapping, 6, e.str("3a1f9c2b7d8e4f50617283940a1b2c3d4e5f6071"))
	mapping = field(mapping, 7, 1)
	e.buf = nested(e.buf, 3, mapping)
	for _, s := range e.table {
		e.buf = nested(e.buf, 6, []byte(s))
		e.flush(1 << 20)
	}
	e.flush(0)
}

func (e *encoder) label(m []byte, key, value string) []byte {
	e.sub = field(field(e.sub[:0], 1, e.str(key)), 2, e.str(value))
	return nested(m, 3, e.sub)
}

var handlers, tenants []string

// perfScript writes samples as perf script prints them, leaf first, with offsets into the functions.
func perfScript(w *bufio.Writer, r *rng, fns []function, samples int) {
	stacks := pool(r, fns, samples/5+1)
	at := uint64(1000000000)
	for i := 0; i < samples; i++ {
		at += 5000 + r.next()%10000
		fmt.Fprintf(w, "payments %d/%d [%03d] %6d.%06d:   10101010 cpu-clock:pppH: \n", 4242, 4242+r.below(16), r.below(8), at/1000000, at%1000000)
		frames := stacks[r.skewed(len(stacks))]
		for k := len(frames) - 1; k >= 0; k-- {
			s := frames[k]
			fmt.Fprintf(w, "\t%16x %s+0x%x (/srv/app/payments)\n", 0x400000+uint64(s.fn)*2048+uint64(s.site)*64, fns[s.fn].name, 64+s.site*64)
		}
		w.WriteByte('\n')
	}
}

func create(path string) *os.File {
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	return f
}

func main() {
	samples := flag.Int("samples", 1000000, "samples of a profile")
	functions := flag.Int("functions", 8000, "functions of the program")
	seed := flag.Uint64("seed", 1, "of the random numbers")
	set := flag.Int("set", 0, "write this many profiles into the folder -out")
	plain := flag.Bool("plain", false, "do not compress")
	perf := flag.Bool("perf", false, "write perf script text")
	out := flag.String("out", "", "file or folder to write")
	flag.Parse()
	if *out == "" {
		log.Fatal("gen: -out?")
	}
	r := rng(*seed)
	fns := program(&r, *functions)
	for i := 0; i < 40; i++ {
		handlers = append(handlers, fmt.Sprintf("/api/v%d/%s/%s", 1+i%3, folders[i%len(folders)], verbs[i%len(verbs)]))
	}
	for i := 0; i < 200; i++ {
		tenants = append(tenants, fmt.Sprintf("tenant-%03d", i))
	}
	if *perf {
		f := create(*out)
		w := bufio.NewWriterSize(f, 1<<20)
		perfScript(w, &r, fns, *samples)
		if w.Flush() != nil || f.Close() != nil {
			log.Fatal("gen: cannot write ", *out)
		}
		return
	}
	many := *set
	if many == 0 {
		many = 1
	} else if err := os.MkdirAll(*out, 0o755); err != nil {
		log.Fatal(err)
	}
	e := &encoder{fns: fns}
	for i := 0; i < many; i++ {
		path := *out
		if *set > 0 {
			path = filepath.Join(*out, fmt.Sprintf("%04d.pprof", i))
		}
		f := create(path)
		var w io.Writer = f
		var z *gzip.Writer
		if !*plain {
			z, _ = gzip.NewWriterLevel(f, gzip.BestSpeed)
			w = z
		}
		e.w = w
		e.profile(&r, *samples, 1763690000000000000+uint64(i)*30000000000)
		if z != nil && z.Close() != nil || f.Close() != nil {
			log.Fatal("gen: cannot write ", path)
		}
	}
}
