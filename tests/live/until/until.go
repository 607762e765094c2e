// Package until bounds how long a test program runs: the first argument, a duration, or 20 s.
package until

import (
	"fmt"
	"os"
	"time"
)

// Deadline also tells the test that the program is up.
func Deadline() time.Time {
	d := 20 * time.Second
	if len(os.Args) > 1 {
		if given, err := time.ParseDuration(os.Args[1]); err == nil {
			d = given
		}
	}
	fmt.Println("up", os.Getpid())
	return time.Now().Add(d)
}
