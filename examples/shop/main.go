// Command shop is a small web shop with problems planted in it, for trying a profiler on.
//
//	shop                              serve on a random port of 127.0.0.1 until interrupted
//	shop -load -duration 20s          serve, and be its own customers for that long
//
// What is wrong with it, and where: README.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/shop/cart"
	"example.com/shop/catalog"
	"example.com/shop/load"
	"example.com/shop/notify"
	"example.com/shop/page"
	"example.com/shop/report"
)

var requests int64

// labelled runs a handler with the labels by which a profile can be split.
func labelled(route string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant := r.URL.Query().Get("tenant")
		if tenant == "" {
			tenant = "none"
		}
		pprof.Do(r.Context(), pprof.Labels("handler", route, "tenant", tenant), func(ctx context.Context) {
			h(w, r.WithContext(ctx))
		})
		atomic.AddInt64(&requests, 1)
	}
}

func answer(w http.ResponseWriter, v interface{}) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Print("shop: ", err)
	}
}

func routes() *http.ServeMux {
	shelf := catalog.New(400)
	carts := cart.New(shelf)
	pages := page.New(shelf)
	mail := notify.New()

	mux := http.NewServeMux()
	mux.Handle("/debug/pprof/", http.DefaultServeMux)
	mux.HandleFunc("/search", labelled("/search", func(w http.ResponseWriter, r *http.Request) {
		answer(w, shelf.Search(r.URL.Query().Get("q")))
	}))
	mux.HandleFunc("/cart", labelled("/cart", func(w http.ResponseWriter, r *http.Request) {
		answer(w, carts.Add(r.URL.Query().Get("user"), r.URL.Query().Get("sku")))
	}))
	mux.HandleFunc("/product", labelled("/product", func(w http.ResponseWriter, r *http.Request) {
		w.Write(pages.Render(r.URL.Query().Get("sku"), r.URL.Query().Get("session")))
	}))
	mux.HandleFunc("/checkout", labelled("/checkout", func(w http.ResponseWriter, r *http.Request) {
		receipt, err := mail.Checkout(r.Context(), carts.Take(r.URL.Query().Get("user")))
		if err != nil {
			http.Error(w, err.Error(), http.StatusGatewayTimeout)
			return
		}
		answer(w, receipt)
	}))
	mux.HandleFunc("/report", labelled("/report", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, report.Sales(shelf, 300))
	}))
	mux.HandleFunc("/stats", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]interface{}{
			"requests":   atomic.LoadInt64(&requests),
			"goroutines": runtime.NumGoroutine(),
			"pages":      pages.Len(),
		})
	})
	return mux
}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	withLoad := flag.Bool("load", false, "be its own customers")
	duration := flag.Duration("duration", 0, "stop by itself after this long (0: when interrupted; with -load 30 s)")
	clients := flag.Int("clients", 8, "with -load: customers at the same time")
	only := flag.String("only", "", "with -load: comma separated routes to ask for (all)")
	think := flag.Duration("think", 2*time.Millisecond, "with -load: what a customer waits between requests")
	blockRate := flag.Int("block-rate", 10000, "runtime.SetBlockProfileRate in ns, 0 off")
	mutexFraction := flag.Int("mutex-fraction", 10, "runtime.SetMutexProfileFraction, 0 off")
	noPprof := flag.Bool("no-pprof", false, "do not serve /debug/pprof")
	flag.Parse()
	log.SetFlags(0)

	runtime.SetBlockProfileRate(*blockRate)
	runtime.SetMutexProfileFraction(*mutexFraction)
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal("shop: ", err)
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); *withLoad && (!ok || !tcp.IP.IsLoopback()) {
		log.Fatal("shop: -load sends requests to loopback only")
	}
	if err := load.Check(*only); err != nil {
		log.Fatal("shop: -only: ", err)
	}
	handler := http.Handler(routes())
	if *noPprof {
		inner := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(r.URL.Path) > 6 && r.URL.Path[:7] == "/debug/" {
				http.NotFound(w, r)
				return
			}
			inner.ServeHTTP(w, r)
		})
	}
	url := "http://" + listener.Addr().String()
	fmt.Printf("shop: %s pid %d\n", url, os.Getpid())
	server := &http.Server{Handler: handler}
	go server.Serve(listener)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *withLoad && *duration == 0 {
		*duration = 30 * time.Second
	}
	if *duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *duration)
		defer cancel()
	}
	start := time.Now()
	if *withLoad {
		load.Run(ctx, url, *clients, *think, *only)
	}
	<-ctx.Done()
	n := atomic.LoadInt64(&requests)
	fmt.Printf("shop: %d requests, %.0f a second\n", n, float64(n)/time.Since(start).Seconds())
}
