// Something of everything that a trace tells: tasks, regions, logs, locks, channels, network, files, system calls, GC, a change of
// GOMAXPROCS, CPU samples. A busy start, then the same at a walk: several generations without a trace that grows with the machine's speed.
// Usage: traced TRACE DURATION CPUPROFILE
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"time"
)

const hurried = 200 // times that each goroutine does its work before it begins to walk

var (
	sink   [][]byte
	sinkMu sync.Mutex
)

func work(ctx context.Context, i int, mu *sync.Mutex, ch chan int) {
	ctx, task := trace.NewTask(ctx, fmt.Sprintf("http-%d", i%3))
	defer task.End()
	trace.WithRegion(ctx, "db-query", func() {
		mu.Lock()
		x := 0
		for k := 0; k < 20000; k++ {
			x += k * k
		}
		mu.Unlock()
		trace.Log(ctx, "key", fmt.Sprintf("value \"%d\"", x))
	})
	ch <- i
	b := make([]byte, 1<<14)
	sinkMu.Lock()
	sink = append(sink, b)
	if len(sink) > 2000 {
		sink = nil
	}
	sinkMu.Unlock()
	if i < hurried {
		time.Sleep(time.Microsecond * 50)
	} else {
		time.Sleep(time.Millisecond * 8)
	}
}

func main() {
	duration, err := time.ParseDuration(os.Args[2])
	if err != nil {
		panic(err)
	}
	profile, err := os.Create(os.Args[3])
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(profile); err != nil {
		panic(err)
	}
	defer pprof.StopCPUProfile()
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := trace.Start(f); err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	var mu sync.Mutex
	var wg sync.WaitGroup
	ch := make(chan int)
	go func() {
		for range ch {
		}
	}()
	end := time.Now().Add(duration)
	for g := 0; g < 20; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; time.Now().Before(end); i++ {
				work(context.Background(), i, &mu, ch)
				if i%50 == 0 {
					c, err := net.Dial("tcp", l.Addr().String())
					if err == nil {
						c.Write([]byte("hello"))
						io.ReadFull(c, make([]byte, 5))
						c.Close()
					}
				}
				if i%200 == 100 {
					os.ReadFile("/proc/self/status")
				}
			}
		}(g)
	}
	time.Sleep(duration / 2)
	runtime.GOMAXPROCS(3)
	runtime.GC()
	wg.Wait()
	trace.Stop()
	f.Close()
}
