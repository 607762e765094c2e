// Memory that tells whether it was copied at one moment, whatever it is doing.
//
//	moment
//
// Prints "up PID" and the addresses of, in hex:
//
//	pages   4,096 pages: one goroutine writes the number of its round into page after page, so that it falls once at most along them
//	blocks  16 blocks of 64 pages, filled and given back to the kernel in turns
//	state   a word for each block: 1 all of it is zeros, 2 each word is ^0, 0 in between
//	table   64 pairs of an address and a number: a mapping of 4 pages that came while others went, each word of which is the number
//	grown   up to 4,096 pages: the first so many as the word behind the states says may be used and hold their number, counted from one
package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const page = 4096

func words(pages int) []uint64 {
	b, err := syscall.Mmap(-1, 0, pages*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), pages*page/8)
}

func bytes(w []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), len(w)*8)
}

func fill(w []uint64, v uint64) {
	for i := range w {
		w[i] = v
	}
}

func rounds(pages []uint64) {
	for n := uint64(1); ; n++ {
		for i := 0; i < len(pages); i += page / 8 {
			atomic.StoreUint64(&pages[i], n)
			if i%(16*page/8) == 0 {
				time.Sleep(20 * time.Microsecond)
			}
		}
	}
}

func giveBack(blocks, state []uint64) {
	const n = 64 * page / 8
	for i := 0; ; i = (i + 1) % 16 {
		block := blocks[i*n : (i+1)*n]
		atomic.StoreUint64(&state[i], 0)
		if block[0] == 0 {
			fill(block, ^uint64(0))
			atomic.StoreUint64(&state[i], 2)
		} else {
			if err := syscall.Madvise(bytes(block), syscall.MADV_DONTNEED); err != nil {
				panic(err)
			}
			atomic.StoreUint64(&state[i], 1)
		}
		time.Sleep(time.Millisecond)
	}
}

func grow(grown []uint64, n *uint64) {
	for i := 0; i < len(grown)/(page/8); i++ {
		one := grown[i*page/8 : (i+1)*page/8]
		if err := syscall.Mprotect(bytes(one), syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
			panic(err)
		}
		fill(one, uint64(i+1))
		atomic.StoreUint64(n, uint64(i+1))
		time.Sleep(2 * time.Millisecond)
	}
}

func comeAndGo(table []uint64) {
	var mapped [64][]byte
	for n := uint64(1); ; n++ {
		i := n % 64
		atomic.StoreUint64(&table[2*i], 0)
		if mapped[i] != nil {
			if err := syscall.Munmap(mapped[i]); err != nil {
				panic(err)
			}
		}
		b, err := syscall.Mmap(-1, 0, 4*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			panic(err)
		}
		mapped[i] = b
		fill(unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8), n)
		table[2*i+1] = n
		atomic.StoreUint64(&table[2*i], uint64(uintptr(unsafe.Pointer(&b[0]))))
		time.Sleep(300 * time.Microsecond)
	}
}

func main() {
	pages, blocks, state, table, grown := words(4096), words(16*64), words(1), words(1), words(4096)
	if err := syscall.Mprotect(bytes(grown), syscall.PROT_NONE); err != nil {
		panic(err)
	}
	fill(pages, 0)
	go rounds(pages)
	go giveBack(blocks, state)
	go grow(grown, &state[16])
	go comeAndGo(table)
	fmt.Printf("up %d %p %p %p %p %p\n", os.Getpid(), &pages[0], &blocks[0], &state[0], &table[0], &grown[0])
	select {}
}
