// go-offsets writes src/format/goruntime/offsets_table.c: for each Go version and architecture it builds the program in probe/, reads the runtime's
// structures from its debug information and prints what the lists of offsets.h ask for.
//
//	cd tools/go-offsets && go run . [-versions 1.19.13,...] > ../../src/format/goruntime/offsets_table.c
package main

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const released = "1.19.13,1.20.14,1.21.13,1.22.12,1.23.12,1.24.13,1.25.11,1.26.8,1.27.4"

type field struct{ name, typ, member string }

var line = regexp.MustCompile(`^\tX\((\w+), "([^"]*)"(?:, "([^"]*)")?\)`)

// lists reads the X lists of offsets.h: members first, then constants, in their order there.
func lists(header string) (members, constants []field) {
	text, err := os.ReadFile(header)
	if err != nil {
		log.Fatal(err)
	}
	var into *[]field
	for _, l := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(l, "#define GS_GO_OFFSETS("):
			into = &members
		case strings.HasPrefix(l, "#define GS_GO_CONSTANTS("):
			into = &constants
		case strings.HasPrefix(l, "#define GS_GO_VARIABLES("):
			into = nil
		}
		if m := line.FindStringSubmatch(l); m != nil && into != nil {
			*into = append(*into, field{m[1], m[2], m[3]})
		}
	}
	return
}

func build(version, arch, out string) {
	cmd := exec.Command("go", "build", "-o", out, "probe/main.go") // Go 1.19 of the module cache builds files only
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+version, "GOARCH="+arch, "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if text, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("go %s %s: %v\n%s", version, arch, err, text)
	}
}

// structs and constants of packages runtime and internal/*.
func read(path string) (map[string]*dwarf.StructType, map[string]int64) {
	f, err := elf.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	d, err := f.DWARF()
	if err != nil {
		log.Fatal(err)
	}
	types, constants := map[string]*dwarf.StructType{}, map[string]int64{}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil {
			log.Fatal(err)
		}
		if e == nil {
			return types, constants
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		ours := strings.HasPrefix(name, "runtime.") || strings.HasPrefix(name, "internal/")
		switch e.Tag {
		case dwarf.TagCompileUnit:
			continue
		case dwarf.TagConstant:
			if v, ok := e.Val(dwarf.AttrConstValue).(int64); ok && ours {
				constants[name] = v
			}
		case dwarf.TagStructType:
			if ours {
				if t, err := d.Type(e.Offset); err == nil {
					types[name] = t.(*dwarf.StructType)
				}
			}
		case dwarf.TagVariable:
			// The table of semaphores is an array of a struct without a name.
			if name == "runtime.semtable" {
				if off, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
					if t, err := d.Type(off); err == nil {
						types["runtime.semTable"] = element(t)
					}
				}
			}
		}
		r.SkipChildren()
	}
}

func element(t dwarf.Type) *dwarf.StructType {
	for {
		switch v := t.(type) {
		case *dwarf.TypedefType:
			t = v.Type
		case *dwarf.ArrayType:
			t = v.Type
		case *dwarf.StructType:
			return v
		default:
			return nil
		}
	}
}

func lookup(types map[string]*dwarf.StructType, f field) int64 {
	for _, name := range strings.Split(f.typ, "|") {
		t := types[name]
		if t == nil {
			continue
		}
		if f.member == "" {
			return t.ByteSize
		}
		for _, path := range strings.Split(f.member, "|") {
			if v, ok := member(t, path); ok {
				return v
			}
		}
	}
	return -1
}

func member(t *dwarf.StructType, path string) (int64, bool) {
	size := strings.HasSuffix(path, "#")
	at := int64(0)
	for _, part := range strings.Split(strings.TrimSuffix(path, "#"), ".") {
		var found *dwarf.StructField
		if t != nil {
			for _, m := range t.Field {
				if m.Name == part {
					found = m
				}
			}
		}
		if found == nil {
			return 0, false
		}
		at += found.ByteOffset
		if size {
			at = found.Type.Size()
		}
		t = element(found.Type)
	}
	return at, true
}

func main() {
	log.SetFlags(0)
	versions := flag.String("versions", released, "one of each minor version")
	header := flag.String("header", "../../src/format/goruntime/offsets.h", "the lists")
	flag.Parse()
	members, constants := lists(*header)
	dir, err := os.MkdirTemp("", "go-offsets")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	var out bytes.Buffer
	fmt.Fprintf(&out, "/* Written by tools/go-offsets; do not edit. Go %s; linux. */\n", strings.ReplaceAll(*versions, ",", ", "))
	fmt.Fprint(&out, "#include \"format/goruntime/offsets_table.h\"\n\n#include \"base/banned.h\"\n\n")
	fmt.Fprint(&out, "/* clang-format off */\nconst gs_go_offsets_row gs_go_offsets_rows[] = {\n")
	for _, v := range strings.Split(*versions, ",") {
		var rows [2]string
		for i, arch := range []string{"amd64", "arm64"} {
			exe := filepath.Join(dir, v+arch)
			build(v, arch, exe)
			types, values := read(exe)
			os.Remove(exe)
			var row []string
			for _, f := range members {
				row = append(row, strconv.FormatInt(lookup(types, f), 10))
			}
			for _, f := range constants {
				if c, ok := values[f.typ]; ok {
					row = append(row, strconv.FormatInt(c, 10))
				} else {
					row = append(row, "-1")
				}
			}
			rows[i] = strings.Join(row, ", ")
		}
		minor := strings.Split(v, ".")[1]
		if rows[0] == rows[1] {
			fmt.Fprintf(&out, "\t{ %s, 0, {\n%s } },\n", minor, wrap(rows[0]))
		} else {
			fmt.Fprintf(&out, "\t{ %s, GS_ELF_X86_64, {\n%s } },\n", minor, wrap(rows[0]))
			fmt.Fprintf(&out, "\t{ %s, GS_ELF_AARCH64, {\n%s } },\n", minor, wrap(rows[1]))
		}
	}
	fmt.Fprint(&out, "};\n/* clang-format on */\nconst unsigned gs_go_offsets_n_rows = sizeof(gs_go_offsets_rows) / sizeof(*gs_go_offsets_rows);\n")
	os.Stdout.Write(out.Bytes())
}

func wrap(s string) string {
	var out strings.Builder
	col := 8
	out.WriteString("\t\t")
	for i, w := range strings.Split(s, " ") {
		if i > 0 && col+1+len(w) > 100 {
			out.WriteString("\n\t\t")
			col = 8
		} else if i > 0 {
			out.WriteString(" ")
			col++
		}
		out.WriteString(w)
		col += len(w)
	}
	return out.String()
}
