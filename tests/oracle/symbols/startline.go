//go:build go1.20
// +build go1.20

package main

import (
	"runtime"
	_ "unsafe"
)

//go:linkname runtime_FrameStartLine runtime/pprof.runtime_FrameStartLine
func runtime_FrameStartLine(f *runtime.Frame) int

func startLine(f *runtime.Frame) int { return runtime_FrameStartLine(f) }
