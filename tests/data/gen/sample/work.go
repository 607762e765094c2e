package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"example.com/sample/dotted.v2"
	"example.com/sample/store"
)

var sink uint64

// The chain mix -> twist -> spin is inlined into hot.
func spin(x uint64) uint64  { return x<<13 ^ x>>7 }
func twist(x uint64) uint64 { return spin(x)*0x9e3779b97f4a7c15 + spin(x>>3) }
func mix(x uint64) uint64   { return twist(x) ^ twist(x+1) }

//go:noinline
func hot(n int) uint64 {
	x := uint64(n)
	for i := 0; i < n; i++ {
		x = mix(x)
	}
	return x
}

//go:noinline
func recurse(depth int) uint64 {
	if depth == 0 {
		return hot(20000)
	}
	return recurse(depth-1) + 1
}

type hasher interface{ Hash(b []byte) uint64 }

type sha struct{ salt byte }

func (s *sha) Hash(b []byte) uint64 {
	h := sha256.Sum256(append(b, s.salt))
	return uint64(h[0])
}

type order struct {
	ID    int               `json:"id"`
	Items []string          `json:"items"`
	Meta  map[string]string `json:"meta"`
}

func encode(i int) []byte {
	o := order{ID: i, Items: strings.Split(strings.Repeat("item,", 20), ","), Meta: map[string]string{"customer": fmt.Sprint(i)}}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

func naive(text string) int {
	re := regexp.MustCompile(`(\w+),(\w+)`)
	return len(re.FindAllString(text, -1))
}

func burn(until time.Time) {
	ctx := context.Background()
	var h hasher = &sha{salt: 3}
	ring := &dotted.Ring[string]{}
	floats := make([]float64, 512)
	for i := 0; time.Now().Before(until); i++ {
		pprof.Do(ctx, pprof.Labels("handler", "/hash", "tenant", fmt.Sprint("t", i%3)), func(context.Context) {
			for k := 0; k < 50; k++ {
				sink += h.Hash(make([]byte, 4096))
			}
		})
		pprof.Do(ctx, pprof.Labels("handler", "/json"), func(context.Context) {
			for k := 0; k < 50; k++ {
				ring.Push(string(encode(k)))
			}
		})
		pprof.Do(ctx, pprof.Labels("handler", "/regexp", "quote\"d key", "<b>va\\lue</b>\n"), func(context.Context) {
			sink += uint64(naive("a,b c,d e,f"))
		})
		sink += hot(200000) + recurse(12) + uint64(dotted.Sum(floats, 60)) + uint64(ring.Len())
	}
}

func contend(d time.Duration) *store.Cache {
	cache := store.New()
	var wg sync.WaitGroup
	until := time.Now().Add(d)
	for g := 0; g < 4; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; time.Now().Before(until); i++ {
				cache.Put(g*1000+i%1000, make([]byte, 2048))
				sink += uint64(cache.Slow(3000))
			}
		}(g)
	}
	unbuffered := make(chan int)
	go func() {
		for time.Now().Before(until) {
			time.Sleep(2 * time.Millisecond)
			unbuffered <- 1
		}
		close(unbuffered)
	}()
	for range unbuffered {
	}
	wg.Wait()
	return cache
}
