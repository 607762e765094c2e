// Package notify sends receipts.
package notify

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"example.com/shop/cart"
)

// Receipt says what was bought.
type Receipt struct {
	Number int64     `json:"number"`
	Cart   cart.Cart `json:"cart"`
}

type Mailer struct{ next int64 }

func New() *Mailer { return &Mailer{} }

// Checkout waits for the receipt, but not for long. The goroutine that prints it does not know that: when it is late,
// nobody receives any more and it blocks on its send for ever.
func (m *Mailer) Checkout(ctx context.Context, c cart.Cart) (Receipt, error) {
	printed := make(chan Receipt)
	number := atomic.AddInt64(&m.next, 1)
	go m.print(printed, number, c)
	select {
	case r := <-printed:
		return r, nil
	case <-time.After(4 * time.Millisecond):
		return Receipt{}, errors.New("the printer is slow")
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

func (m *Mailer) print(printed chan<- Receipt, number int64, c cart.Cart) {
	delay := time.Millisecond
	if number%5 == 0 {
		delay = 20 * time.Millisecond
	}
	time.Sleep(delay)
	printed <- Receipt{Number: number, Cart: c}
}
