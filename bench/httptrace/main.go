// Writes the execution trace of a busy HTTP service: handlers that take locks, allocate, write and wait, under 64 clients in the same
// process that never pause. It ends at a size, so that the bytes are comparable between machines.
//
//	httptrace -size 55 trace.out
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"time"
)

type item struct {
	ID    int
	Name  string
	Price float64
}

type store struct {
	mu    sync.Mutex
	items map[int]item
	tick  chan struct{}
}

func (s *store) search(w http.ResponseWriter, r *http.Request) {
	ctx, task := trace.NewTask(r.Context(), "http-search")
	defer task.End()
	var found []item
	trace.WithRegion(ctx, "db-query", func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for id, it := range s.items {
			if id%7 == 0 {
				found = append(found, it)
			}
		}
	})
	json.NewEncoder(w).Encode(found)
}

func (s *store) add(w http.ResponseWriter, r *http.Request) {
	var it item
	if err := json.NewDecoder(r.Body).Decode(&it); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.items[it.ID%500] = it
	s.mu.Unlock()
	fmt.Fprintln(w, "ok")
}

// wait waits for others: a timer, a channel, goroutines of its own.
func (s *store) wait(w http.ResponseWriter, r *http.Request) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-s.tick
		}()
	}
	time.Sleep(time.Millisecond)
	wg.Wait()
	w.Write(bytes.Repeat([]byte("x"), 2000))
}

type counter struct {
	f *os.File
	n atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.f.Write(p)
}

func client(url string, seed int64) {
	r := rand.New(rand.NewSource(seed))
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	for {
		var resp *http.Response
		var err error
		switch n := r.Intn(10); {
		case n < 3:
			resp, err = c.Get(url + "/search")
		case n < 8:
			body, _ := json.Marshal(item{r.Int(), "thing", 1.5})
			resp, err = c.Post(url+"/add", "application/json", bytes.NewReader(body))
		default:
			resp, err = c.Get(url + "/wait")
		}
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func main() {
	size := flag.Int64("size", 55, "megabytes to write")
	clients := flag.Int("clients", 64, "clients")
	flag.Parse()
	s := &store{items: map[int]item{}, tick: make(chan struct{})}
	for i := range 500 {
		s.items[i] = item{i, fmt.Sprint("item ", i), float64(i)}
	}
	go func() {
		for {
			s.tick <- struct{}{}
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/search", s.search)
	mux.HandleFunc("/add", s.add)
	mux.HandleFunc("/wait", s.wait)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(l, mux)
	f, err := os.Create(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	out := &counter{f: f}
	if err := trace.Start(out); err != nil {
		log.Fatal(err)
	}
	for i := range *clients {
		go client("http://"+l.Addr().String(), int64(i))
	}
	for out.n.Load() < *size*1e6 {
		time.Sleep(50 * time.Millisecond)
	}
	trace.Stop()
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
