// Command sample does a little of everything that a Go profile can show and writes every profile of itself.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	handlers "net/http/pprof"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(dir, name string, p *pprof.Profile, level int) {
	if p == nil {
		return
	}
	var b bytes.Buffer
	check(p.WriteTo(&b, level))
	check(os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644))
}

// fetch stores the answer of the process's own HTTP endpoint.
func fetch(dir, name, url string) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://localhost"+url, nil)
	handlers.Index(w, r)
	if w.Code == 200 {
		check(os.WriteFile(filepath.Join(dir, name), w.Body.Bytes(), 0o644))
	}
}

func profiles(dir string, d time.Duration) {
	runtime.SetBlockProfileRate(1000)
	runtime.SetMutexProfileFraction(5)
	parked := park()
	leak()
	cpu, err := os.Create(filepath.Join(dir, "cpu.pprof"))
	check(err)
	check(pprof.StartCPUProfile(cpu))
	go burn(time.Now().Add(d))
	cache := contend(d)
	pprof.StopCPUProfile()
	check(cpu.Close())
	go burn(time.Now().Add(time.Second))
	fetch(dir, "heap.delta.pprof", "/debug/pprof/heap?seconds=1")
	runtime.GC()
	runtime.GC()
	for _, kind := range []string{"heap", "allocs", "block", "mutex", "goroutine", "threadcreate", "goroutineleak"} {
		write(dir, kind+".pprof", pprof.Lookup(kind), 0)
		write(dir, kind+".debug1.txt", pprof.Lookup(kind), 1)
	}
	write(dir, "goroutine.debug2.txt", pprof.Lookup("goroutine"), 2)
	write(dir, "goroutineleak.debug2.txt", pprof.Lookup("goroutineleak"), 2)
	custom := pprof.NewProfile("example.com/open-files")
	custom.Add(cache, 0)
	custom.Add(parked, 0)
	write(dir, "custom.pprof", custom, 0)
	write(dir, "custom.debug1.txt", custom, 1)
	runtime.KeepAlive(cache)
}

func overflow(a, b int) int { return overflow(a+1, b) + 1 }

func inner(m map[string]int, s []int, i int) int { return s[i] + m["x"] }

func fail(mode string) {
	switch mode {
	case "panic":
		defer func() { panic(fmt.Sprint("again: ", recover())) }()
		inner(map[string]int{}, []int{1, 2, 3}, 7)
	case "nil":
		var p *parked
		p.lock(1, 2)
	case "custom":
		panic(fmt.Errorf("broken: %w", os.ErrNotExist))
	case "fatal":
		m := map[int]int{}
		for g := 0; g < 8; g++ {
			go func() {
				for i := 0; ; i++ {
					m[i&7] = i
				}
			}()
		}
		forever()
	case "overflow":
		debug.SetMaxStack(1 << 20)
		overflow(0, 1)
	case "deadlock":
		c := make(chan int)
		go func() { c <- <-c }()
		<-c
	}
}

func main() {
	mode := flag.String("mode", "profiles", "profiles, wait, burn, panic, nil, custom, fatal, overflow or deadlock")
	out := flag.String("out", ".", "folder to write to")
	d := flag.Duration("duration", 2*time.Second, "how long to work")
	flag.Parse()
	switch *mode {
	case "profiles":
		profiles(*out, *d)
	case "wait":
		park()
		leak()
		time.Sleep(100 * time.Millisecond)
		runtime.GC() // the second collection notes since when a goroutine waits
		runtime.GC()
		time.Sleep(*d)
		time.Sleep(50 * time.Millisecond)
		write(*out, "goroutine.waited.debug2.txt", pprof.Lookup("goroutine"), 2)
	case "burn":
		park()
		go burn(time.Now().Add(*d))
		contend(*d)
	case "deadlock":
		fail(*mode)
	default:
		park()
		fail(*mode)
	}
}
